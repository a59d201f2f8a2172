"""Rasters through rasterio: opened for one look, and closed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segzoo import DataError, MissingExtraError

TOLERANCE = 0.1  # pixels


class UnreadableRasterError(DataError):
    """A file that isn't there, or is no raster."""


@contextmanager
def open_raster(path: Path) -> Iterator[Any]:
    """A raster of rasterio's.

    :raises UnreadableRasterError: when it can't be read, now or while it is open.
    :raises MissingExtraError: without rasterio.
    """
    try:
        import rasterio
    except ImportError as error:
        raise MissingExtraError(f'{path} needs rasterio ({error}): pip install "segzoo-torch[geotiff]"') from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            with rasterio.open(path) as raster:
                yield raster
    except rasterio.errors.RasterioError as error:
        if not path.exists():
            raise UnreadableRasterError(f"there is no file {path}") from error
        raise UnreadableRasterError(
            f"{path} can't be read: {error}; replace the file, or take it out of the dataset"
        ) from error


def check_pair(image: Any, mask: Any) -> None:
    """See that a mask lies where its image does. One that doesn't say where it lies is taken to.

    :param image: a raster of rasterio's, as is the mask.
    :raises DataError: when it doesn't, or can't hold classes.
    """
    if mask.count != 1:
        raise DataError(f"{mask.name} has {mask.count} bands; expected one, with the number of a class in each pixel")
    if mask.compression is not None and "jpeg" in mask.compression.name.lower():
        raise DataError(
            f"{mask.name} is compressed as JPEG, which changes values: classes are smeared at each boundary; export it "
            "anew, compressed by LZW or DEFLATE"
        )
    if mask.shape != image.shape:
        raise DataError(f"{image.name} has {_size(image)} pixels and {mask.name} {_size(mask)}; expected one grid")
    if image.crs and mask.crs and image.crs != mask.crs:
        raise DataError(
            f"{image.name} is in {image.crs.to_string()} and {mask.name} in {mask.crs.to_string()}; warp the mask to "
            "the image's grid"
        )
    if (shift := _shift(image, mask)) > TOLERANCE:
        raise DataError(
            f"{mask.name} lies up to {shift:.4g} pixels away from {image.name} on the ground; warp the mask to the "
            "image's grid"
        )


def _shift(image: Any, mask: Any) -> float:
    """How far the corners lie from each other, in pixels of the image; 0 where one says nothing."""
    if image.transform.is_identity or mask.transform.is_identity:
        return 0.0
    corners = [(column, row) for column in (0, image.width) for row in (0, image.height)]
    away = [math.dist(_ground(image.transform, *each), _ground(mask.transform, *each)) for each in corners]
    return max(away) / math.sqrt(abs(image.transform.determinant))


def _ground(transform: Any, column: int, row: int) -> tuple[float, float]:
    """Where on the ground a pixel begins, in units of its projection."""
    a, b, c, d, e, f = transform[:6]
    return a * column + b * row + c, d * column + e * row + f


def _size(raster: Any) -> str:
    return f"{raster.height}x{raster.width}"
