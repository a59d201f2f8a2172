"""The rectangular self-calibration module, arXiv:2405.06228, section 3.2: (B, C, H, W) to the same."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from segzoo.nn import BatchNorm2d

SQUARE = 3
"""Kernel that sees local details."""
EXPANSION = 2
LAYER_SCALE = 1e-6


class RectangularSelfCalibration(nn.Module):
    """RCM: the attention, then a batch norm and two layers per pixel, scaled and added.

    :param band: length of the attention's kernels, an odd number.
    """

    def __init__(self, channels: int, band: int) -> None:
        super().__init__()
        self.attention = RectangularAttention(channels, band)
        self.norm = BatchNorm2d(channels)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, EXPANSION * channels, 1), nn.GELU(), nn.Conv2d(EXPANSION * channels, channels, 1)
        )
        self.scale = nn.Parameter(torch.full((channels,), LAYER_SCALE))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.mlp(self.norm(self.attention(features))) * self.scale[:, None, None]


class RectangularAttention(nn.Module):
    """RCA: details weighted by a rectangle, the sum of each row's and each column's mean, whose shape is calibrated.

    :param band: length of the two kernels that calibrate, along a row and along a column.
    """

    def __init__(self, channels: int, band: int) -> None:
        super().__init__()
        self.details = nn.Conv2d(channels, channels, SQUARE, padding=SQUARE // 2, groups=channels)
        self.calibrate = nn.Sequential(
            nn.Conv2d(channels, channels, (1, band), padding=(0, band // 2), groups=channels),
            BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, (band, 1), padding=(band // 2, 0), groups=channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        rectangle = features.mean(dim=3, keepdim=True) + features.mean(dim=2, keepdim=True)
        return self.calibrate(rectangle).sigmoid() * self.details(features)
