"""Where predictions go: block by block, each pixel once."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from segzoo.prediction.source import Window


class Sink(Protocol):
    """Takes blocks, row by row and left to right."""

    def write(self, head: str, values: Tensor, valid: Tensor | None, window: Window) -> None:
        """Take a block.

        :param head: its name; empty where there is one, without a name.
        :param values: classes, int64 (B, h, w); or logits or probabilities, floating point (B, K, h, w).
        :param valid: bool (h, w): which pixels have data; None where all have.
        """
        ...


class TensorSink:
    """Collects in memory."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.maps: dict[str, Tensor] = {}

    def write(self, head: str, values: Tensor, valid: Tensor | None, window: Window) -> None:
        if head not in self.maps:
            with torch.inference_mode(False):  # whoever gets it may compute with it as they like
                self.maps[head] = torch.empty(*values.shape[:-2], *self.size, dtype=values.dtype)
        top, bottom, left, right = window
        self.maps[head][..., top:bottom, left:right] = values.cpu()
