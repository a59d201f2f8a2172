"""One image and its mask, as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """One image and its mask.

    :param image: (H, W, C), in the type that it is stored in: most often uint8 or uint16.
    :param mask: int64 (H, W), the class of each pixel, `segzoo.IGNORE` where it has none.
    :param name: what it is called in listings and errors: a file, or a row.
    :param instances: int64 (H, W), the number of the object that each pixel belongs to, 0 where to none; None where
        the data tells no objects apart. Together with the class it makes a segment.
    :param crowds: the numbers of those that are crowds: many objects as one, which are neither learnt nor counted.
    """

    image: NDArray[Any]
    mask: NDArray[Any]
    name: str
    instances: NDArray[Any] | None = None
    crowds: tuple[int, ...] = ()
