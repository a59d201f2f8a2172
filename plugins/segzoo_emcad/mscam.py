"""Multi-scale convolutional attention module: EMCAD, arXiv:2405.06880, equations 3 to 8.

B     batch
C     channels
h, w  size of the map
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segzoo.nn import ConvNormAct

REDUCTION = 16
SPATIAL_KERNEL = 7


class MSCAM(nn.Sequential):
    """Channels weighed, pixels weighed, then convolved at several scales: (B, C, h, w) to the same."""

    def __init__(self, channels: int, kernels: Sequence[int], expansion: int) -> None:
        super().__init__()
        self.channel = CAB(channels)
        self.spatial = SAB()
        self.convs = MSCB(channels, kernels, expansion)


class CAB(nn.Module):
    """Channel attention, of each channel's mean and largest value."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = max(1, channels // REDUCTION)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, reduced, 1, bias=False), nn.ReLU(), nn.Conv2d(reduced, channels, 1, bias=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        mean, largest = features.mean(dim=(2, 3), keepdim=True), features.amax(dim=(2, 3), keepdim=True)
        return features * (self.layers(mean) + self.layers(largest)).sigmoid()


class SAB(nn.Module):
    """Spatial attention, of each pixel's mean and largest value."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        mean, largest = features.mean(dim=1, keepdim=True), features.amax(dim=1, keepdim=True)
        return features * self.conv(torch.cat([largest, mean], dim=1)).sigmoid()


class MSCB(nn.Module):
    """Multi-scale convolution block: an inverted residual block with depthwise convolutions of several kernels.

    The paper shuffles the channels before the last 1x1 convolution. That one learns any order of them, so that a
    shuffle changes nothing but the order of its weights, and is left out.
    """

    def __init__(self, channels: int, kernels: Sequence[int], expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.expand = ConvNormAct(channels, wide, 1, act="relu6")
        self.scales = nn.ModuleList(ConvNormAct(wide, wide, kernel, groups=wide, act="relu6") for kernel in kernels)
        self.project = ConvNormAct(wide, channels, 1, act=None)

    def forward(self, features: Tensor) -> Tensor:
        expanded = self.expand(features)
        summed = torch.stack([scale(expanded) for scale in self.scales]).sum(dim=0)
        return features + self.project(summed)
