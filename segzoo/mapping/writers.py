"""Files that predictions go to, written block by block under a passing name."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segzoo.errors import OptionError
from segzoo.mapping.head_classes import HeadClasses
from segzoo.mapping.rasters import CACHE, import_rasterio
from segzoo.mapping.strips import Strips
from segzoo.pictures.colours import UNKNOWN
from segzoo.prediction.source import Window

BLOCK = 512
"""Pixels a side of the blocks that a TIFF is stored in."""


class Writer(Protocol):
    """Takes the blocks of one head of one image, row by row and left to right."""

    def write(self, values: NDArray[Any], window: Window) -> None:
        """Take classes (h, w), no data among them; or values (K, h, w), NaN where there are no data."""
        ...


class PngWriter:
    """An indexed PNG in the classes' colours, or 16 bits of grey for more than 255 of them. Saved at the end."""

    def __init__(self, size: tuple[int, int], head: HeadClasses) -> None:
        self.head = head
        self.classes = np.empty(size, head.dtype)

    def write(self, values: NDArray[Any], window: Window) -> None:
        top, bottom, left, right = window
        self.classes[top:bottom, left:right] = values

    def save(self, path: Path) -> None:
        from PIL import Image

        picture = Image.fromarray(self.classes)
        if self.head.dtype == np.uint8:
            colours = [*self.head.palette, *[UNKNOWN] * (256 - self.head.classes)]
            picture.putpalette([part for colour in colours[:256] for part in colour])
        picture.save(path, format="PNG")


class ArrayWriter:
    """An array of numpy's, float32 (K, H, W), which lies in its file from the beginning.

    :raises OSError: when the disk has no room for it.
    """

    def __init__(self, path: Path, size: tuple[int, int], head: HeadClasses) -> None:
        self.values = np.lib.format.open_memmap(path, "w+", np.dtype(np.float32), (head.count, *size))
        if hasattr(os, "posix_fallocate"):  # a disk that is full later would end the process
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)

    def write(self, values: NDArray[Any], window: Window) -> None:
        top, bottom, left, right = window
        self.values[:, top:bottom, left:right] = values


class TiffWriter:
    """A tiled TIFF on the image's ground: one compressed band of classes, or a band of each class's values."""

    def __init__(self, file: Any, size: tuple[int, int]) -> None:
        self.file = file
        self.strips = Strips(size, BLOCK)

    def write(self, values: NDArray[Any], window: Window) -> None:
        if values.ndim == 3:  # uncompressed, so that blocks may come in pieces
            top, bottom, left, right = window
            self.file.write(values, window=((top, bottom), (left, right)))
            return
        for top, rows in self.strips.add(values, window):
            self.file.write(rows, 1, window=((top, top + len(rows)), (0, rows.shape[1])))


@contextmanager
def tiff_writer(
    path: Path, size: tuple[int, int], head: HeadClasses, place: dict[str, Any], values: bool = False
) -> Iterator[TiffWriter]:
    """A TIFF to write; when it is closed, it was read again and is whole.

    :param place: where on the ground it lies, as rasterio takes it.
    :param values: whether a band of each class's values is written, rather than the classes.
    :raises OptionError: when the disk is full.
    """
    rasterio = import_rasterio(path)
    form = {"dtype": "float32", "count": head.count, "nodata": np.nan}
    if not values:
        form = {"dtype": head.dtype.name, "count": 1, "nodata": head.nodata, "compress": "deflate"}
    with warnings.catch_warnings(), rasterio.Env(GDAL_CACHEMAX=CACHE), _full_disk(path):
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", height=size[0], width=size[1], tiled=True, blockxsize=BLOCK, blockysize=BLOCK,
            BIGTIFF="IF_SAFER", **form, **place,
        ) as file:  # fmt: skip
            if not values and head.dtype == np.uint8:
                file.write_colormap(1, dict(enumerate(head.palette[: head.classes])))
            if head.labels.names:
                file.update_tags(classes=json.dumps(head.labels.names))
            for band in file.indexes if values else ():
                file.set_band_description(band, head.labels.name(head.classes - head.count + band - 1))
            yield TiffWriter(file, size)
        with rasterio.open(path) as written:
            for band in written.indexes:
                written.checksum(band)


@contextmanager
def _full_disk(path: Path) -> Iterator[None]:
    """GDAL raises errors of several kinds when it can't write."""
    from rasterio.errors import RasterioError

    try:
        yield
    except RasterioError as error:
        raise OptionError(f"can't write to {path}: {error.__cause__ or error}; is the disk full?") from error
