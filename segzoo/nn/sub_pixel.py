"""Sub-pixel convolution: a finer map, computed on the coarse grid as more channels, arXiv:1609.05158."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SubPixelConv2d(nn.Module):
    """A 3x3 convolution to the pixels that a pixel becomes, which are then moved apart: (B, C, h, w) to (B, C, fh, fw).

    They all start with one kernel (ICNR, arXiv:1707.02937): what grows is free of checkerboards at first, a convolved
    map enlarged by nearest neighbour.

    :param factor: f, by which height and width grow.
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.conv = nn.Conv2d(channels, channels * factor**2, 3, padding=1)
        kernel = torch.empty(channels, *self.conv.weight.shape[1:])
        nn.init.kaiming_normal_(kernel)
        with torch.no_grad():
            self.conv.weight.copy_(kernel.repeat_interleave(factor**2, dim=0))
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(features), self.factor)
