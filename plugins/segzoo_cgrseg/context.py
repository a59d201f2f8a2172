"""Pyramid context, arXiv:2405.06228, section 3.1: all maps at the coarsest grid, seen together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segzoo.nn import average_over_grid
from segzoo_cgrseg.calibration import RectangularSelfCalibration


class PyramidContext(nn.Module):
    """All maps averaged to half the coarsest's size, joined, calibrated together, and split again.

    :param channels: of each map.
    :param blocks: how often they are calibrated.
    """

    def __init__(self, channels: Sequence[int], blocks: int, band: int) -> None:
        super().__init__()
        self.split = list(channels)
        self.blocks = nn.Sequential(*(RectangularSelfCalibration(sum(channels), band) for _ in range(blocks)))

    def forward(self, features: Sequence[Tensor]) -> Sequence[Tensor]:
        """(B, C_i, H_i, W_i) each to (B, C_i, h, w) each."""
        half = [(side + 1) // 2 for side in features[-1].shape[-2:]]
        joined = torch.cat([average_over_grid(feature, half) for feature in features], dim=1)
        return self.blocks(joined).split(self.split, dim=1)
