"""Squeeze and excitation: recalibrating the channels and the pixels of a map."""

from __future__ import annotations

from torch import Tensor, nn


class ChannelGate(nn.Module):
    """A weight from 0 to 1 for each channel, arXiv:1709.01507: (B, C, H, W) to (B, C, 1, 1).

    :param reduction: how many times fewer channels the layer between squeeze and excitation has.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        reduced = max(1, channels // reduction)
        self.squeeze = nn.Conv2d(channels, reduced, 1)
        self.excite = nn.Conv2d(reduced, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        squeezed = self.squeeze(features.mean(dim=(2, 3), keepdim=True)).relu()
        return self.excite(squeezed).sigmoid()


class SpatialChannelGate(nn.Module):
    """scSE, arXiv:1803.02579: the sum of a map weighted by channel and the map weighted by pixel.

    :param reduction: see `ChannelGate`.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.channel = ChannelGate(channels, reduction)
        self.pixel = nn.Conv2d(channels, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        return features * (self.channel(features) + self.pixel(features).sigmoid())
