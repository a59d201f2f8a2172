"""Another runtime as an engine: NumPy in, NumPy out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segzoo.errors import InputError
from segzoo.head import Logits

Session = Callable[[NDArray[np.float32]], Sequence[NDArray[Any]]]
"""Normalised tiles, float32 (B, C, h, w), to the logits of each head, (B, K, h, w), which are its own no longer."""


class ArrayEngine:
    """A session of ONNX Runtime, OpenVINO or whatever else takes arrays.

    :param session: what computes.
    :param heads: their names, in the order of what the session returns. Empty where there is one, without a name.
    :param least: the height and width that tiles are padded to, with their last pixels, if they are smaller.
    :param fixed: whether it takes tiles of that size alone.
    """

    def __init__(
        self, session: Session, heads: Sequence[str] = ("",), least: tuple[int, int] = (1, 1), *, fixed: bool = False
    ) -> None:
        self.session = session
        self.heads = tuple(heads)
        self.least = least
        self.fixed = fixed

    def __call__(self, tiles: Tensor) -> Logits:
        """Logits of the tiles' size.

        :raises InputError: for tiles that are larger than the only size that it takes.
        """
        height, width = tiles.shape[-2:]
        below, right = (max(0, least - side) for least, side in zip(self.least, (height, width), strict=True))
        if self.fixed and (height + below, width + right) != self.least:
            raise InputError(
                f"the runtime takes tiles of {self.least[0]}x{self.least[1]} alone, got {height}x{width}; take "
                f"tile={min(self.least)}"
            )
        array = np.ascontiguousarray(tiles.numpy(), np.float32)
        padded = np.pad(array, ((0, 0), (0, 0), (0, below), (0, right)), "edge") if below or right else array
        maps = [torch.from_numpy(each)[..., :height, :width] for each in self.session(padded)]
        named = dict(zip(self.heads, maps, strict=True))
        return named[""] if self.heads == ("",) else named
