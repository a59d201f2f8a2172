"""The auxiliary head that published parameter counts include."""

from __future__ import annotations

from torch import nn

from segzoo.nn import ConvNormAct


class FCNHead(nn.Sequential):
    """3x3 convolution, batch norm, ReLU, and a 1x1 convolution to the classes."""

    def __init__(self, in_channels: int, classes: int, width: int = 256) -> None:
        super().__init__(ConvNormAct(in_channels, width), nn.Conv2d(width, classes, 1))
