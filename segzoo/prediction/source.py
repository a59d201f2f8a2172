"""Where pixels come from: read window by window, so that an image needn't be in memory."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from segzoo.preprocessing import Preprocessing


class Window(NamedTuple):
    """The pixels of an image from one row and column to before another."""

    top: int
    bottom: int
    left: int
    right: int


class Source(Protocol):
    """An image of any size, or several of one size.

    :ivar size: height and width.
    """

    @property
    def size(self) -> tuple[int, int]: ...

    def read(self, window: Window) -> tuple[Tensor, Tensor | None]:
        """A window's pixels as the model takes them, float (B, C, h, w), and which of them have data.

        :returns: the second is bool (h, w), or None where all have.
        """
        ...


class TensorSource:
    """Images that are in memory, and normalised: (B, C, H, W)."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.images.shape[-2:]
        return height, width

    def read(self, window: Window) -> tuple[Tensor, None]:
        top, bottom, left, right = window
        return self.images[..., top:bottom, left:right], None


class ArraySource:
    """A picture (H, W, C) as it is stored; numpy may keep it in a file. What is no finite number has no data."""

    def __init__(self, picture: NDArray[Any], preprocessing: Preprocessing) -> None:
        self.picture = picture
        self.preprocessing = preprocessing

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.picture.shape[:2]
        return height, width

    def read(self, window: Window) -> tuple[Tensor, Tensor | None]:
        top, bottom, left, right = window
        return normalised(self.picture[top:bottom, left:right], None, self.preprocessing)

    def reduced(self, step: int) -> NDArray[Any]:
        """Every so many pixels, to look at."""
        return self.picture[::step, ::step]


def normalised(
    values: NDArray[Any], missing: NDArray[Any] | None, preprocessing: Preprocessing
) -> tuple[Tensor, Tensor | None]:
    """Values (h, w, C) as a model takes them, and which pixels have data.

    A value that is missing, or no finite number, is 0, as it was in training. A pixel has data if any of its values
    has.

    :param missing: bool (h, w, C).
    """
    import numpy as np

    if values.dtype.kind == "f":
        unknown = ~np.isfinite(values)
        missing = unknown if missing is None else missing | unknown
    if missing is None or not missing.any():
        return preprocessing(values)[None], None
    filled = np.where(missing, np.zeros((), values.dtype), values)
    return preprocessing(filled)[None], torch.from_numpy(~missing.all(axis=2))
