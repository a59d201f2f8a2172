"""UNETR: Transformers for 3D Medical Image Segmentation, arXiv:2103.10504, section 3.1, for images of two dimensions.

B         batch
C_i       channels of map i, fine to coarse; map 0 is the image
D         channels at the image's own resolution, the option `width`
H_i, W_i  size of map i
"""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, InstanceNorm2d, resize
from segzoo.options import Width

norm = partial(InstanceNorm2d, affine=False)


class UNETRDecoder(segzoo.Decoder):
    """Maps brought to levels that double in size, the image the finest of them, and U-Net's path up through them.

    The blocks of a plain transformer are grown to their levels: from patches of 16 pixels to strides 8, 4 and 2, the
    last block staying where it is. Maps of different strides are levels as they are.

    :param width: channels at the image's own resolution, doubled with each coarser level.
    """

    role = "level"
    memory_format = torch.contiguous_format  # transposed convolutions

    def __init__(self, stages: segzoo.FeatureSpec, width: Width = 16) -> None:
        *finer, deepest = stages.channels
        widths = [width * 2**level for level in range(len(finer))]
        super().__init__(stages, out_channels=widths[0] if widths else deepest)
        strides = level_strides(stages)
        self.skips = nn.ModuleList(
            Skip(channels, own, doublings=round(math.log2(stride / level)))
            for channels, own, stride, level in zip(finer, widths, stages.strides, strides, strict=False)
        )
        self.steps = nn.ModuleList(
            Step(below, own, factor=max(1, round(coarse / fine)))
            for (own, below), (fine, coarse) in zip(pairwise([*widths, deepest]), pairwise(strides), strict=True)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        *finer, decoded = features
        levels = [skip(each) for skip, each in zip(self.skips, finer, strict=True)]
        for step, level in reversed(list(zip(self.steps, levels, strict=True))):
            decoded = step(decoded, level)
        return decoded


def level_strides(stages: segzoo.FeatureSpec) -> list[float]:
    """The stride of each level: each half of the next coarser one where the maps have one resolution, else the map's.

    >>> level_strides(segzoo.FeatureSpec((3, 768, 768, 768, 768), (1, 16, 16, 16, 16)))
    [1, 2.0, 4.0, 8.0, 16.0]
    """
    if not stages.isotropic:
        return list(stages.strides)
    last = len(stages) - 1
    return [max(1, stride / 2 ** (last - entry)) for entry, stride in enumerate(stages.strides)]


class Skip(nn.Sequential):
    """A map brought to its level: doubled, and with each further doubling a residual block; else such a block alone."""

    def __init__(self, in_channels: int, width: int, doublings: int) -> None:
        if doublings == 0:
            super().__init__(ResidualBlock(in_channels, width))
            return
        further = (
            nn.Sequential(deconvolution(width, width), ResidualBlock(width, width)) for _ in range(doublings - 1)
        )
        super().__init__(deconvolution(in_channels, width), *further)


class Step(nn.Module):
    """Grow by a deconvolution, join with the level's map, a residual block."""

    def __init__(self, below: int, width: int, factor: int) -> None:
        super().__init__()
        self.grow = deconvolution(below, width, factor)
        self.refine = ResidualBlock(2 * width, width)

    def forward(self, below: Tensor, level: Tensor) -> Tensor:
        grown = resize(self.grow(below), level.shape[-2:])
        return self.refine(torch.cat([grown, level], dim=1))


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut, which is a 1x1 convolution where the channels change."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            ConvNormAct(in_channels, width, norm=norm, act="leaky_relu"),
            ConvNormAct(width, width, norm=norm, act=None),
        )
        same = in_channels == width
        self.shortcut = nn.Identity() if same else ConvNormAct(in_channels, width, kernel=1, norm=norm, act=None)
        self.act = nn.LeakyReLU()

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.convs(features) + self.shortcut(features))


def deconvolution(in_channels: int, out_channels: int, factor: int = 2) -> nn.ConvTranspose2d:
    """As many times the size, each pixel a patch of its own."""
    return nn.ConvTranspose2d(in_channels, out_channels, factor, stride=factor, bias=False)
