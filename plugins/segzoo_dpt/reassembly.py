"""From tokens to a pyramid: the class token read into each map, and each map brought to its resolution."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

import segzoo

FINEST_STRIDE = 4


def is_plain(maps: segzoo.FeatureSpec) -> bool:
    """Whether several maps have one resolution throughout, as those of a plain transformer."""
    return len(maps) > 1 and maps.isotropic


def is_pyramid(maps: segzoo.FeatureSpec) -> bool:
    """Whether each of several maps is coarser than the one before."""
    return len(maps) > 1 and all(finer < coarser for finer, coarser in pairwise(maps.strides))


def doublings_of(maps: segzoo.FeatureSpec) -> list[int]:
    """How often each map is doubled in size (halved if negative): to strides 4, 8, 16, ..., not at all in a pyramid.

    Patches of 14 pixels count as 16: their grid is doubled and halved the same.

    >>> doublings_of(segzoo.FeatureSpec((768, 768, 768, 768), (16, 16, 16, 16)))
    [2, 1, 0, -1]
    """
    if is_pyramid(maps):
        return [0] * len(maps)
    return [round(math.log2(stride / FINEST_STRIDE)) - level for level, stride in enumerate(maps.strides)]


class ProjectReadout(nn.Module):
    """A linear layer and GELU on map and class token together, pixel by pixel."""

    def __init__(self, in_channels: int, out_channels: int, act: str) -> None:
        super().__init__()
        self.project = nn.Conv2d(in_channels, out_channels, 1)
        self.act = nn.GELU("tanh" if act == "gelu_tanh" else "none")

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.project(features))


class Reassemble(nn.Sequential):
    """To an inner width, to another resolution, to the width of the fusion.

    :param doublings: 1 for twice the size, -1 for half of it.
    """

    def __init__(self, in_channels: int, inner: int, width: int, doublings: int) -> None:
        factor = 2 ** abs(doublings)
        scale: nn.Module = nn.Identity()
        if doublings > 0:
            scale = nn.ConvTranspose2d(inner, inner, kernel_size=factor, stride=factor)
        elif doublings < 0:
            scale = nn.Conv2d(inner, inner, kernel_size=3, stride=factor, padding=1)
        super().__init__()
        self.project = nn.Conv2d(in_channels, inner, 1)
        self.scale = scale
        self.to_width = nn.Conv2d(inner, width, 3, padding=1, bias=False)
