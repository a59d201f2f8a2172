"""The spatial prior module of ViT-Adapter, arXiv:2205.08534, section 3.3: what convolutions see in the image.

B         batch
C_i       channels of level i: 64, 128, 256, 256
H_i, W_i  size of the image over 4, 8, 16, 32, rounded up
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from segzoo.nn import BatchNorm2d, ConvNormAct

STEM_WIDTH = 64
WIDTHS = (STEM_WIDTH, 128, 256, 256)
"""Channels at strides 4, 8, 16 and 32."""


class SpatialPrior(nn.Module):
    """(B, in_channels, H, W) to maps (B, C_i, H_i, W_i) of strides 4, 8, 16 and 32."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            halving_conv(in_channels, STEM_WIDTH),
            ConvNormAct(STEM_WIDTH, STEM_WIDTH),
            ConvNormAct(STEM_WIDTH, STEM_WIDTH),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.halvings = nn.ModuleList(halving_conv(*widths) for widths in pairwise(WIDTHS))

    def forward(self, image: Tensor) -> list[Tensor]:
        levels = [self.stem(image)]
        for halve in self.halvings:
            levels.append(halve(levels[-1]))
        return levels


def halving_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    """A 3x3 convolution of stride 2, batch norm and ReLU: sizes are halved and rounded up."""
    conv = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, BatchNorm2d(out_channels), nn.ReLU(inplace=True))
