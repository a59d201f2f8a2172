"""GeoTIFFs of any size and number of bands, read window by window."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Len
from numpy.typing import NDArray
from tqdm import tqdm

from segzoo import IGNORE, DataError, DataWarning, Labels
from segzoo.data import Dataset, Pair, Sample, find_classes, find_folders, pair, read_classes, relabel
from segzoo_geotiff.header import bands as bands_of
from segzoo_geotiff.header import is_georeferenced
from segzoo_geotiff.rasters import UnreadableRasterError, check_pair, open_raster
from segzoo_geotiff.windows import Window, name_window, parse_window, windows

ENDINGS = (".tif", ".tiff")
NAMED = 5  # files that an error names
TRIED = 5  # rasters by which a folder is recognised, of which some may be broken
SCANNED = 2048  # pixels a side that are looked at together
MANY = 256  # classes that are made up of the values of masks


class GeoTiffDataset(Dataset):
    """`images/*.tif` and `masks/*.tif` of the same names and on the same grids, with `train/` and `val/` in or around.

    A sample is a window of a raster, which is never read whole. What has no data is 0 in the image, and pixels that
    have none in any band belong to no class.

    :param path: the folder.
    :param window: height and width of a sample, in pixels.
    :param stride: from one window to the next; as far as the window is wide if None.
    :param bands: which of the images' bands, counted from 1; all if None.
    :param classes: names; those of `classes.txt`, or the values that the masks have, if None.
    :param ignore: the values of a mask that belong to no class.
    :param nodata: whether the value that a mask declares as no data belongs to no class either.
    :param reduce_zero: whether 0 belongs to no class, and the others count from 1.
    """

    def __init__(
        self,
        path: Path,
        *,
        window: Annotated[int, Ge(16)] = 512,
        stride: Annotated[int, Ge(1)] | None = None,
        bands: Annotated[Sequence[Annotated[int, Ge(1)]], Len(1)] | None = None,
        classes: Annotated[Sequence[str], Len(1)] | None = None,
        ignore: int | Sequence[int] | None = 255,
        nodata: bool = True,
        reduce_zero: bool = False,
    ) -> None:
        super().__init__(path)
        self.window, self.stride = window, stride or window
        self.bands = None if bands is None else list(bands)
        self.ignore = [ignore] if isinstance(ignore, int) else list(ignore or ())
        self.nodata = nodata
        self.reduce_zero = reduce_zero
        self.listed = Labels(tuple(classes)) if classes else _listed(path)
        self.pairs: dict[str, Pair] = {}
        self.broken: dict[str, DataError] = {}
        self._counts: list[int] = []
        self._splits = {split: self._add(*folders) for split, folders in find_folders(path).items()}
        if not self.pairs:
            raise DataError(
                f"{path} has no GeoTIFFs; expected images/*.tif and masks/*.tif, or these in train/ and val/"
            )
        if list(self._splits) == ["all"] and self.stride < self.window:
            warnings.warn(
                f"the windows of {path} overlap, and it has no val/: what is kept for validation is trained on in "
                "part; put some of the rasters into val/, or take a stride as wide as the window",
                DataWarning,
                stacklevel=2,
            )

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        if not path.is_dir() or find_spec("rasterio") is None:
            return None
        for folders in find_folders(path).values():
            for files in islice(pair(*folders).pairs.values(), TRIED):
                if _are_rasters(files):
                    return f"georeferenced TIFFs such as {files.image.relative_to(path).as_posix()}"
        return None

    @property
    def channels(self) -> int:
        """The bands that are read."""
        if self.bands is not None:
            return len(self.bands)
        if not self._counts:
            raise next(iter(self.broken.values()))
        return self._counts[0]

    @cached_property
    def labels(self) -> Labels:
        """Those that are listed, or the values that the masks have."""
        binary = self.black_and_white  # looked up here once, not in each worker process
        if self.listed is not None:
            return self.listed
        known = self._values - set(self.ignore)
        count = 2 if binary else max(known, default=0) + 1 - self.reduce_zero
        if count > MANY:
            raise DataError(f"the masks of {self.path} have values up to {max(known)}; list the classes in classes.txt")
        return Labels(tuple(map(str, range(count))))

    @cached_property
    def black_and_white(self) -> bool:
        """Whether masks hold 0 and 255 alone: two classes, as many draw buildings or roads."""
        if self.listed is not None and len(self.listed.names) != 2:
            return False
        return self._values == {0, 255}

    def splits(self) -> Mapping[str, Sequence[str]]:
        return self._splits

    def size(self, name: str) -> tuple[int, int]:
        _, ((top, bottom), (left, right)) = self._locate(name)
        return bottom - top, right - left

    def read(self, name: str) -> Sample:
        files, window = self._locate(name)
        with open_raster(files.image) as raster:
            values = raster.read(self.bands, window=window, masked=True)
        if values.dtype.kind == "f":
            values = np.ma.masked_invalid(values, copy=False)
        with open_raster(files.mask) as raster:
            mask = self._classes(raster.read(1, window=window), raster)
        mask[np.ma.getmaskarray(values).all(axis=0)] = IGNORE
        return Sample(np.ascontiguousarray(np.moveaxis(values.filled(0), 0, -1)), mask, name)

    def _locate(self, name: str) -> tuple[Pair, Window]:
        if name in self.broken:
            raise self.broken[name]
        raster, window = parse_window(name)
        return self.pairs[raster], window

    def _classes(self, values: NDArray[Any], raster: Any) -> NDArray[np.int64]:
        values = _whole(values, raster.name)
        if self.black_and_white:
            return (values > 0).astype(np.int64)
        classes = relabel(values, dict.fromkeys([*self.ignore, *self._nodata(raster)], IGNORE))
        return np.where(classes <= 0, IGNORE, classes - 1) if self.reduce_zero else classes

    def _nodata(self, raster: Any) -> list[int]:
        declared = raster.nodata if self.nodata else None
        return [int(declared)] if declared is not None and float(declared).is_integer() else []

    def _add(self, images: Path, masks: Path) -> list[str]:
        """The names of the windows of the rasters in two folders."""
        found = pair(images, masks)
        for files, of_what in ((found.without_mask, "no mask"), (found.without_image, "no image")):
            if alone := [each.name for each in files if each.suffix.lower() in ENDINGS]:
                raise DataError(
                    f"{len(alone)} rasters in {images} and {masks} have {of_what} of the same name: "
                    f"{', '.join(alone[:NAMED])}; rename them, or take them away"
                )
        both = [each for each in found.pairs.values() if each.image.suffix.lower() in ENDINGS]
        return [name for files in tqdm(both, desc="reading headers", delay=2) for name in self._windows(files)]

    def _windows(self, files: Pair) -> Iterator[str]:
        """The names of one raster's windows. One that can't be opened is a sample that can't be read."""
        name = files.image.relative_to(self.path).as_posix()
        self.pairs[name] = files
        try:
            height, width = self._look(files)
        except UnreadableRasterError as error:
            self.broken[name] = error
            yield name
        else:
            yield from (name_window(name, each) for each in windows(height, width, self.window, self.stride))

    def _look(self, files: Pair) -> tuple[int, int]:
        """Height and width of two rasters that belong together."""
        with open_raster(files.image) as image, open_raster(files.mask) as mask:
            check_pair(image, mask)
            if self.bands is not None and max(self.bands) > image.count:
                raise DataError(f"{files.image} has {image.count} bands; expected those numbered {self.bands}")
            self._counts.append(image.count)
            return image.height, image.width

    @cached_property
    def _values(self) -> set[int]:
        """All values of all masks but for no data; those that can't be read are left for `read` to complain about."""
        found: set[int] = set()
        for files in tqdm(self.pairs.values(), desc="reading masks", unit="mask", delay=2):
            try:
                with open_raster(files.mask) as raster:
                    for window in windows(raster.height, raster.width, SCANNED, SCANNED):
                        found |= _distinct(_whole(raster.read(1, window=window), raster.name))
                    found -= set(self._nodata(raster))
            except DataError:
                continue
        return found


def _distinct(values: NDArray[Any]) -> set[int]:
    """By counting, where there are few numbers: sorting a large raster takes minutes."""
    if values.dtype in (np.uint8, np.uint16):
        return set(np.flatnonzero(np.bincount(values.ravel())).tolist())
    return set(map(int, np.unique(values)))


def _whole(values: NDArray[Any], name: str) -> NDArray[Any]:
    if values.dtype.kind in "ui":
        return values
    whole = np.nan_to_num(values, nan=IGNORE)
    if not np.array_equal(whole, np.round(whole)):
        raise DataError(f"{name} has fractions; expected the number of a class in each pixel")
    return whole.astype(np.int64)


def _listed(path: Path) -> Labels | None:
    file = find_classes(path)
    return None if file is None else read_classes(file)


def _are_rasters(files: Pair) -> bool:
    """Whether they are TIFFs, the image at a place on the ground, and the mask of numbers rather than colours."""
    both = {files.image.suffix.lower(), files.mask.suffix.lower()} <= set(ENDINGS)
    return both and is_georeferenced(files.image) and bands_of(files.mask) == 1
