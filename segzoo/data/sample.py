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
    """

    image: NDArray[Any]
    mask: NDArray[Any]
    name: str
