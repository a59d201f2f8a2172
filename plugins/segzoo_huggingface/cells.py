"""What stands in a cell of a table as arrays: pictures of Pillow's, or nested lists of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo import DataError
from segzoo_huggingface.tables import require_datasets

PLAIN = ("L", "RGB", "I;16", "I", "F")
"""Pillow's modes that are taken as they are. Others are converted to RGB."""
TYPES = ("uint8", "uint16", "int16", "float32", "float64")


def holds_pictures(feature: Any) -> bool:
    """Whether a column can: pictures, encoded ones, or lists of numbers."""
    datasets = require_datasets()
    if isinstance(feature, datasets.Value):
        return feature.dtype in ("binary", "large_binary")
    return not isinstance(feature, datasets.ClassLabel | str)


def is_encoded(feature: Any) -> bool:
    """Whether a column holds files' bytes that nobody has said to be pictures."""
    return isinstance(feature, require_datasets().Value) or (isinstance(feature, dict) and "bytes" in feature)


def innermost(feature: Any) -> Any:
    """What the numbers of nested lists are."""
    while hasattr(feature, "feature"):
        feature = feature.feature
    return feature


def read_image(value: Any, feature: Any, size: tuple[int, ...]) -> NDArray[Any]:
    """(H, W, C), of either order.

    :param size: height and width of the mask.
    :raises DataError: for numbers of a type whose range nobody knows.
    """
    if hasattr(value, "convert"):
        image = np.array(value if value.mode in PLAIN else value.convert("RGB"))
    else:
        dtype = innermost(feature).dtype
        if dtype not in TYPES:
            raise DataError(f"its images are {dtype}; cast the column to one of {', '.join(TYPES)}")
        image = np.asarray(value, dtype)
    if image.ndim == 2:
        return image[..., None]
    if image.ndim != 3:
        raise DataError(f"expected an image (H, W, C), got shape {image.shape}")
    return np.moveaxis(image, 0, -1) if image.shape[1:] == size != image.shape[:2] else image


def read_mask(value: Any) -> NDArray[Any]:
    """Whole numbers (H, W): those of a palette too, and of grey that is saved as colours.

    :raises DataError: for colours, and for what isn't whole.
    """
    if hasattr(value, "convert") and value.mode in ("LA", "PA"):
        value = value.getchannel(0)
    mask = np.asarray(value)
    if mask.ndim == 3:
        channels = np.moveaxis(mask, 0, -1) if mask.shape[0] == 1 else mask
        if not (channels[..., :3] == channels[..., :1]).all():
            raise DataError("its mask has colours; expected the number of a class in each pixel: map them to numbers")
        mask = channels[..., 0]
    if mask.dtype == bool:
        return mask.astype(np.uint8)
    if mask.dtype.kind == "f" and np.array_equal(mask, np.round(mask)):
        return mask.astype(np.int64)
    if mask.ndim != 2 or mask.dtype.kind not in "ui":
        raise DataError(f"expected a mask of whole numbers (H, W), got {mask.dtype} {mask.shape}")
    return mask
