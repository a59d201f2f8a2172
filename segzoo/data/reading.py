"""Image and mask files as arrays. What can't be read is an error that names the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo.errors import DataError, MissingExtraError
from segzoo.labels import Colour

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".npy"))
"""Endings of the files that are read here."""
RASTERS = frozenset((".tif", ".tiff"))
PLAIN = frozenset(("L", "RGB", "I;16", "I;16B", "I;16L", "I", "F"))
"""Pillow's modes that are taken as they are. Others are converted to RGB."""


def read_image(path: str | PathLike[str]) -> NDArray[Any]:
    """An image as it is stored, turned upright if the camera says how.

    :param path: a picture file, which needs rasterio where Pillow doesn't know its bands or would cut them to 8 bits;
        or an array of numpy's, (H, W) or (H, W, C).
    :returns: (H, W, C): palettes become RGB, and so do colours with transparency; other types and channels stay.
    :raises DataError: when there is no such file, or it can't be read.
    :raises MissingExtraError: for a file that needs rasterio, where that isn't installed.
    """
    from PIL import Image, ImageOps

    if _is_array(path):
        return _bands_last(_array(path))
    with _reading(path):
        try:
            with Image.open(path) as opened:
                if not (_has_odd_bands(opened) or _is_cut(opened)):
                    upright = ImageOps.exif_transpose(opened)
                    plain = upright.mode in PLAIN or (upright.mode == "RGBA" and opened.format == "TIFF")
                    return _bands_last(np.array(upright if plain else upright.convert("RGB")))
        except Image.UnidentifiedImageError:
            if not _is_raster(path):
                raise
        return _raster(path)


def read_mask(path: str | PathLike[str]) -> NDArray[Any]:
    """A mask as it is stored.

    :param path: a picture file, or an array of numpy's.
    :returns: integers (H, W): the values of a grey picture, the numbers of colours in a palette; or colours, uint8
        (H, W, 3).
    :raises DataError: when there is no such file, or it can't be read, or it holds no whole numbers.
    """
    from PIL import Image

    if _is_array(path):
        mask = _array(path)
    else:
        with _reading(path):
            try:
                with Image.open(path) as opened:
                    mode = opened.mode
                    mask = np.array(opened.convert("RGB") if mode in ("RGBA", "CMYK", "YCbCr") else opened)
            except Image.UnidentifiedImageError:
                if not _is_raster(path):
                    raise
                mask = _raster(path)
        if mask.ndim == 3 and mask.shape[2] == 2:  # the second is transparency
            mask = mask[..., 0]
    if mask.ndim == 3 and mask.shape[2] == 1:
        mask = mask[..., 0]
    if mask.dtype == bool:
        mask = mask.astype(np.uint8)
    if mask.dtype.kind == "f" and np.array_equal(mask, np.round(mask)):
        mask = mask.astype(np.int64)
    if mask.dtype.kind not in "ui" or (mask.ndim == 3 and mask.shape[2] != 3):
        raise DataError(
            f"{path}: expected a mask of whole numbers (H, W), or of colours (H, W, 3), got {mask.dtype} {mask.shape}"
        )
    return mask


def read_palette(path: str | PathLike[str]) -> tuple[Colour, ...]:
    """The colours of a mask's palette, in the order of their numbers; empty where it has none."""
    from PIL import Image

    with _reading(path):
        try:
            with Image.open(path) as opened:
                flat = opened.getpalette("RGB") if opened.mode == "P" else None
        except Image.UnidentifiedImageError:
            if not _is_raster(path):
                raise
            with _opened_raster(path):
                flat = None
    return tuple(zip(flat[::3], flat[1::3], flat[2::3], strict=True)) if flat else ()


def image_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Height and width by the file's header.

    :raises DataError: when it can't be read.
    """
    from PIL import Image

    if _is_array(path):
        return _array(path, header_only=True).shape[:2]
    with _reading(path):
        try:
            with Image.open(path) as opened:
                turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                return (opened.width, opened.height) if turned else (opened.height, opened.width)
        except Image.UnidentifiedImageError:
            if not _is_raster(path):
                raise
        with _opened_raster(path) as raster:
            return raster.height, raster.width


def relabel(mask: NDArray[Any], table: Mapping[int, int], default: int | None = None) -> NDArray[np.int64]:
    """A mask with other numbers.

    :param table: what becomes of each value.
    :param default: what becomes of the others; None keeps them.
    """
    if mask.dtype.kind == "u" and mask.dtype.itemsize <= 2:  # a look-up table: fifteen times as fast as sorting
        count = np.iinfo(mask.dtype).max + 1
        changed = np.arange(count) if default is None else np.full(count, default)
        for value, other in table.items():
            if 0 <= value < count:
                changed[value] = other
        return changed.astype(np.int64, copy=False)[mask]
    values, places = np.unique(mask, return_inverse=True)
    others = [table.get(int(each), int(each) if default is None else default) for each in values]
    return np.array(others, np.int64)[places].reshape(mask.shape)


def in_colour(image: NDArray[Any]) -> NDArray[Any]:
    """A grey image (H, W, 1) with red, green and blue alike, (H, W, 3); any other as it is.

    Sets of photographs have a few grey ones among them.
    """
    return image.repeat(3, axis=2) if image.shape[2] == 1 else image


def encode_colours(mask: NDArray[Any]) -> NDArray[np.int64]:
    """Colours (H, W, 3) as one number each, (H, W): 65536 red + 256 green + blue."""
    red, green, blue = (mask[..., channel].astype(np.int64) for channel in range(3))
    return (red << 16) | (green << 8) | blue


def _bands_last(array: NDArray[Any]) -> NDArray[Any]:
    return array[:, :, None] if array.ndim == 2 else array


def _array(path: str | PathLike[str], header_only: bool = False) -> NDArray[Any]:
    with _reading(path):
        array = np.load(path, mmap_mode="r" if header_only else None, allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3):
        raise DataError(f"{path}: expected an array (H, W) or (H, W, C), got {getattr(array, 'shape', type(array))}")
    return array


def _is_array(path: str | PathLike[str]) -> bool:
    return str(path).lower().endswith(".npy")


def _is_raster(path: str | PathLike[str]) -> bool:
    return str(path).lower().endswith(tuple(RASTERS))


def _has_odd_bands(opened: Any) -> bool:
    """Whether a TIFF file holds bands that Pillow would leave out or turn into something else."""
    if opened.format != "TIFF":
        return False
    bands = opened.tag_v2.get(277, 1)  # samples per pixel
    return bands not in (1, 3, 4) or (bands > 1 and max(opened.tag_v2.get(258, (8,))) > 8)  # bits per sample


def _is_cut(opened: Any) -> bool:
    """Whether Pillow would cut colours of 16 bits to 8, as it does in PNG files."""
    stored = opened.tile[0][3] if opened.format == "PNG" and opened.tile else ""
    return isinstance(stored, str) and stored.startswith(("RGB", "LA")) and "16" in stored


def _raster(path: str | PathLike[str]) -> NDArray[Any]:
    with _opened_raster(path) as opened:
        return np.moveaxis(opened.read(), 0, -1)


@contextmanager
def _opened_raster(path: str | PathLike[str]) -> Iterator[Any]:
    try:
        import rasterio
    except ImportError as error:
        raise MissingExtraError(f'{path} needs rasterio ({error}): pip install "segzoo-torch[geotiff]"') from error
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as opened:
            yield opened


@contextmanager
def _reading(path: str | PathLike[str]) -> Iterator[None]:
    """Says which file it was that can't be read. Readers raise whatever a broken file made them stumble over."""
    try:
        yield
    except (DataError, MissingExtraError, KeyboardInterrupt, SystemExit):
        raise
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}") from error
    except MemoryError as error:
        raise DataError(f"{path} doesn't fit into memory; cut it into smaller images") from error
    except Exception as error:
        raise DataError(
            f"{path} can't be read: {type(error).__name__}: {error}; replace the file, or take it out of the dataset"
        ) from error
