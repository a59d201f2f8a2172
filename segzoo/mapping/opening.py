"""Files as sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo.data.reading import in_colour, read_image
from segzoo.errors import DataError, InputError
from segzoo.mapping.rasters import RasterSource, open_raster
from segzoo.prediction.source import ArraySource
from segzoo.preprocessing import Preprocessing

TIFF = frozenset((".tif", ".tiff"))
LARGE = 64_000_000
"""Pixels: larger pictures are read in windows as well, if rasterio is there. A PNG or JPEG is else read whole."""

FileSource = ArraySource | RasterSource


@contextmanager
def open_source(
    path: Path, preprocessing: Preprocessing, bands: Sequence[int] | None = None, rows: int = 1024
) -> Iterator[FileSource]:
    """Open a picture, a TIFF or an array of numpy's.

    :param bands: which of them the model sees, counted from 1; all if None.
    :param rows: how many are read together.
    :raises DataError: when it can't be read, now or while it is open.
    :raises InputError: when it hasn't the bands that the model takes.
    :raises MissingExtraError: for a TIFF, without rasterio.
    """
    if path.suffix.lower() in TIFF or (path.suffix.lower() != ".npy" and _is_large(path)):
        with open_raster(path, rows) as raster:
            yield RasterSource(raster, preprocessing, bands)
        return
    picture = _array(path) if path.suffix.lower() == ".npy" else read_image(path)
    if not picture.size:
        raise DataError(f"{path} has no pixels: its shape is {picture.shape}; take it away")
    yield ArraySource(_chosen(path, picture, len(preprocessing.mean), bands), preprocessing)


def _chosen(path: Path, picture: NDArray[Any], channels: int, bands: Sequence[int] | None) -> NDArray[Any]:
    if bands:
        if min(bands) < 1 or max(bands) > picture.shape[2]:
            raise InputError(f"{path} has {picture.shape[2]} bands, and those numbered {list(bands)} were asked for")
        picture = picture[..., [band - 1 for band in bands]]
    elif channels == 3:
        picture = in_colour(picture)
    if picture.shape[2] != channels:
        raise InputError(
            f"{path} has {picture.shape[2]} bands, and the model takes {channels}; say which ones, counted from 1, "
            f"such as bands={','.join(str(1 + i % picture.shape[2]) for i in range(channels))}"
        )
    return picture


def _array(path: Path) -> NDArray[Any]:
    """An array that stays in its file until it is looked at."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} can't be read: {error}; replace the file") from error
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3):
        raise DataError(f"{path}: expected an array (H, W) or (H, W, C), got {getattr(array, 'shape', type(array))}")
    return array[:, :, None] if array.ndim == 2 else array


def _is_large(path: Path) -> bool:
    """Whether a picture is to be read in windows: a large one, upright, whose numbers are its colours."""
    from PIL import Image

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the header alone is read, whatever it claims
    try:
        with Image.open(path) as opened:
            plain = opened.mode in ("L", "RGB") and opened.getexif().get(0x0112, 1) == 1
            return plain and opened.width * opened.height > LARGE and find_spec("rasterio") is not None
    except Exception:  # whatever a broken file makes Pillow raise: reading it says so
        return False
    finally:
        Image.MAX_IMAGE_PIXELS = limit
