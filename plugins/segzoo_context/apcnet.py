"""Adaptive Pyramid Context Network for Semantic Segmentation, CVPR 2019.

B     batch
C, D  channels of the deepest map, of the result
H, W  size of the deepest map
S     cells per side of a grid
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Le, Len
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConvNormAct, average_over_grid
from segzoo.options import Dropout, Width
from segzoo_context.base import ContextPyramidDecoder

Grids = Annotated[Sequence[Annotated[int, Ge(1), Le(64)]], Len(1, 16)]


class APCNetDecoder(ContextPyramidDecoder):
    """Each pixel weighs averages over a grid, by what it and the whole image are; for grids of several sizes.

    The defaults are mmsegmentation's.

    :param width: channels of each scale, and of the output.
    :param grids: cells per side of the grids.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self, stages: segzoo.FeatureSpec, width: Width = 512, grids: Grids = (1, 2, 3, 6), dropout: Dropout = 0.1
    ) -> None:
        (deepest,) = stages.channels
        contexts: list[nn.Module] = [AdaptiveContext(deepest, width, cells) for cells in grids]
        super().__init__(stages, contexts, width, dropout)


class AdaptiveContext(nn.Module):
    """ACM: the averages of a grid's cells, weighed by each pixel: (B, C, H, W) to (B, D, H, W)."""

    def __init__(self, channels: int, width: int, cells: int) -> None:
        super().__init__()
        self.cells = cells
        self.regions = ConvNormAct(channels, width, kernel=1)
        self.pixels = ConvNormAct(channels, width, kernel=1)
        self.scene = ConvNormAct(width, width, kernel=1)
        self.affinity = nn.Conv2d(width, cells**2, 1)
        self.restore = ConvNormAct(width, width, kernel=1)
        self.out = ConvNormAct(width, width, kernel=1)

    def forward(self, features: Tensor) -> Tensor:
        regions = self.regions(average_over_grid(features, self.cells)).flatten(2)  # (B, D, S * S)
        pixels = self.pixels(features)
        scene = self.scene(average_over_grid(pixels, 1))
        affinity = self.affinity(pixels + scene).sigmoid()  # (B, S * S, H, W)
        context = (regions @ affinity.flatten(2)).unflatten(2, features.shape[-2:])
        return self.out(F.relu(pixels + self.restore(context)))
