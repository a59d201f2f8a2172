"""Where objects end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def outlines(objects: NDArray[Any]) -> NDArray[np.bool_]:
    """The pixels of objects that have another beside them, or none: lines of one pixel, inside of each.

    :param objects: whole numbers (H, W), 0 where there is no object.

    >>> outlines(np.array([[0, 1, 1, 1, 2], [0, 1, 1, 1, 2]])).astype(int)
    array([[0, 1, 0, 1, 1],
           [0, 1, 0, 1, 1]])
    """
    inside = np.ones(objects.shape, bool)
    down, across = objects[1:] == objects[:-1], objects[:, 1:] == objects[:, :-1]
    inside[1:] &= down
    inside[:-1] &= down
    inside[:, 1:] &= across
    inside[:, :-1] &= across
    return (objects > 0) & ~inside
