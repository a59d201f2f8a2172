"""Rasters through rasterio, window by window: GeoTIFFs of any size, and whatever else GDAL reads so."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segzoo.errors import DataError, InputError, MissingExtraError
from segzoo.prediction.source import Window, normalised
from segzoo.preprocessing import Preprocessing

CACHE = 64 << 20
"""Bytes that GDAL may keep of files; its own default is a twentieth of all memory."""


class RasterSource:
    """An open raster.

    Pixels that it declares as no data, that a mask or a transparency covers, or that are no finite numbers have none.

    :param raster: of rasterio's.
    :param bands: which of them the model sees, counted from 1; all but the transparency by default.
    :raises InputError: when they aren't as many as the model takes.
    """

    def __init__(self, raster: Any, preprocessing: Preprocessing, bands: Sequence[int] | None = None) -> None:
        self.raster = raster
        self.preprocessing = preprocessing
        colours = [each.name for each in raster.colorinterp]
        self.bands = list(bands) if bands else [i for i, name in enumerate(colours, 1) if name != "alpha"]
        expected = len(preprocessing.mean)
        if not 1 <= min(self.bands, default=0) <= max(self.bands) <= raster.count:
            raise InputError(f"{raster.name} has {raster.count} bands, and those numbered {self.bands} were asked for")
        if len(self.bands) != expected:
            raise InputError(
                f"{raster.name} has {len(self.bands)} bands, and the model takes {expected}; say which ones, "
                f"counted from 1, such as bands={','.join(str(1 + i % raster.count) for i in range(expected))}"
            )
        self.masked = any("all_valid" not in [flag.name for flag in raster.mask_flag_enums[i - 1]] for i in self.bands)

    @property
    def size(self) -> tuple[int, int]:
        return self.raster.height, self.raster.width

    @property
    def is_tiff(self) -> bool:
        return bool(self.raster.driver == "GTiff")

    @property
    def place(self) -> dict[str, Any]:
        """Where on the ground it lies, as rasterio writes it."""
        points, crs = self.raster.gcps
        if points:
            return {"gcps": points, "crs": crs}
        if self.raster.transform.is_identity:
            return {"crs": self.raster.crs} if self.raster.crs else {}
        return {"crs": self.raster.crs, "transform": self.raster.transform}

    def read(self, window: Window) -> tuple[Tensor, Tensor | None]:
        top, bottom, left, right = window
        with _reading(self.raster.name):
            values = self.raster.read(self.bands, window=((top, bottom), (left, right)), masked=self.masked)
        missing = np.moveaxis(np.ma.getmaskarray(values), 0, -1) if self.masked else None
        return normalised(np.moveaxis(np.ma.getdata(values), 0, -1), missing, self.preprocessing)

    def reduced(self, step: int) -> NDArray[Any]:
        """Every so many pixels, to look at."""
        height, width = (-(-side // step) for side in self.size)
        with _reading(self.raster.name):
            values = self.raster.read(self.bands, out_shape=(len(self.bands), height, width), masked=True)
        return np.moveaxis(values.filled(0), 0, -1)


@contextmanager
def open_raster(path: Path, rows: int = 0) -> Iterator[Any]:
    """A raster of rasterio's.

    :param rows: how many are read together. A file that is stored in whole rows is unpacked once for all windows beside
        each other, if GDAL may keep that many of them.
    :raises DataError: when it can't be read, now or while it is open.
    :raises MissingExtraError: without rasterio.
    """
    rasterio = import_rasterio(path)
    with warnings.catch_warnings(), _reading(path):
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.Env(GDAL_CACHEMAX=CACHE), rasterio.open(path) as raster:
            in_rows = raster.block_shapes[0][1] == raster.width
            pixel = sum(np.dtype(each).itemsize for each in raster.dtypes)
            needed = 1.25 * rows * raster.width * pixel if in_rows else 0
            with rasterio.Env(GDAL_CACHEMAX=int(CACHE + needed)):
                yield raster


def import_rasterio(path: Path) -> Any:
    """The library, for a file.

    :raises MissingExtraError: when it isn't installed.
    """
    try:
        import rasterio
    except ImportError as error:
        raise MissingExtraError(f'{path} needs rasterio ({error}): pip install "segzoo-torch[geotiff]"') from error
    return rasterio


@contextmanager
def _reading(path: str | Path) -> Iterator[None]:
    from rasterio.errors import RasterioError

    try:
        yield
    except RasterioError as error:
        if not Path(path).exists():
            raise DataError(f"there is no file {path}") from error
        raise DataError(f"{path} can't be read: {error.__cause__ or error}; replace the file") from error
