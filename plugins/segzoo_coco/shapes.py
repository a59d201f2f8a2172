"""The pixels of an instance, by pycocotools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo import DataError, MissingExtraError
from segzoo_coco.annotations import Annotation, Image


def require_pycocotools() -> Any:
    """Its module for masks.

    :raises MissingExtraError: where it isn't installed.
    """
    try:
        from pycocotools import mask
    except ImportError as error:
        raise MissingExtraError(f'COCO needs pycocotools ({error}): pip install "segzoo-torch[coco]"') from error
    return mask


def run_lengths(annotation: Annotation, image: Image, file: Path) -> Any:
    """An instance's polygons or run lengths in one form, as small as they are in the file.

    :param file: of the annotations, for messages.
    :raises DataError: for what is neither, or is of another size than the image.
    """
    masks = require_pycocotools()
    height, width = image.height, image.width
    shape = annotation.shape
    try:
        if isinstance(shape, list):
            return masks.merge(masks.frPyObjects([list(each) for each in shape], height, width))
        if shape is None:
            left, top, right, bottom = _corners(annotation, image)
            box = np.zeros((height, width), np.uint8, order="F")
            box[top:bottom, left:right] = 1
            return masks.encode(box)
        if list(shape["size"]) != [height, width]:
            raise ValueError(f"it is of {shape['size']} pixels, and the image of {[height, width]}")
        if isinstance(shape["counts"], list):
            if sum(shape["counts"]) != height * width:
                raise ValueError(f"its runs have {sum(shape['counts'])} pixels, and the image {height * width}")
            return masks.frPyObjects(shape, height, width)
        return shape
    except Exception as error:  # pycocotools raises plain exceptions
        raise _unreadable(annotation, file, error) from error


def area(runs: Any) -> int:
    """How many pixels it has."""
    return int(require_pycocotools().area(runs))


def decode(runs: Any, annotation: Annotation, file: Path) -> NDArray[np.bool_]:
    """The pixels (H, W) themselves.

    :raises DataError: for run lengths that aren't.
    """
    try:
        decoded = require_pycocotools().decode(runs)
    except Exception as error:
        raise _unreadable(annotation, file, error) from error
    return decoded.astype(bool)


def _corners(annotation: Annotation, image: Image) -> tuple[int, int, int, int]:
    left, top, width, height = annotation.box or (0, 0, 0, 0)
    return (
        max(0, int(left)),
        max(0, int(top)),
        min(image.width, max(0, round(left + width))),
        min(image.height, max(0, round(top + height))),
    )


def _unreadable(annotation: Annotation, file: Path, error: Exception) -> DataError:
    return DataError(
        f"{file}: the outline of annotation {annotation.number} can't be read: {error}; mend it, or take it out"
    )
