"""Asymmetric Non-local Neural Networks for Semantic Segmentation, arXiv:1908.07678.

B     batch
L, C  channels of the last map but one, of the deepest
D, E  channels of the result, of what is compared
h, w  size of the last map but one
H, W  size of the deepest map
S     cells of all grids together, the samples
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct, average_over_grid, pixel_attention
from segzoo.options import Dropout, Sizes, Width
from segzoo_context.base import ContextDecoder, zero_initialise


class ANNDecoder(ContextDecoder):
    """Each pixel attends to averages over grids of a few cells: first to those of the map before, then of its own.

    The defaults are mmsegmentation's.

    :param width: channels of the output.
    :param key_width: channels in which pixels and averages are compared.
    :param grids: cells per side of the grids.
    :param dropout: of whole channels, after the two maps are fused and before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    least_stages = 2

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 512,
        key_width: Width = 256,
        grids: Sizes = (1, 3, 6, 8),
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(stages, width, dropout)
        low, deepest = stages.channels
        self.fusion = AsymmetricFusion(low, deepest, key_width, grids)
        self.dropout = nn.Dropout2d(dropout)
        self.first = ConvNormAct(deepest, width)
        self.context = AsymmetricPyramid(width, key_width, grids)

    @classmethod
    def taken(cls, options: Mapping[str, Any]) -> int:
        return cls.least_stages

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, L, h, w) and (B, C, H, W) to (B, D, H, W)."""
        low, deepest = features
        fused = self.dropout(self.fusion(low, deepest))
        return self.context(self.first(fused))


class AsymmetricFusion(nn.Module):
    """AFNB: the deepest map's pixels attend to samples of the map before: (B, L, h, w), (B, C, H, W) to the latter."""

    def __init__(self, low: int, channels: int, key_width: int, grids: Sequence[int]) -> None:
        super().__init__()
        self.grids = tuple(grids)
        self.query = ConvNormAct(channels, key_width, kernel=1)
        self.key = ConvNormAct(low, key_width, kernel=1)
        self.value = nn.Conv2d(low, key_width, 1)
        self.out = nn.Conv2d(key_width, channels, 1)
        zero_initialise(self.out)
        self.join = ConcatConvNormAct([channels, channels], channels, kernel=1, act=None)

    def forward(self, low: Tensor, deepest: Tensor) -> Tensor:
        key, value = (sampled(each, self.grids) for each in (self.key(low), self.value(low)))
        context = self.out(pixel_attention(self.query(deepest), key, value))
        return self.join([context, deepest], size=deepest.shape[-2:])


class AsymmetricPyramid(nn.Module):
    """APNB: the pixels of a map attend to samples of itself: (B, D, H, W) to the same."""

    def __init__(self, channels: int, key_width: int, grids: Sequence[int]) -> None:
        super().__init__()
        self.grids = tuple(grids)
        self.key = ConvNormAct(channels, key_width, kernel=1)  # of pixels and samples: they are of one map
        self.value = nn.Conv2d(channels, key_width, 1)
        self.out = nn.Conv2d(key_width, channels, 1)
        zero_initialise(self.out)
        self.join = ConcatConvNormAct([channels, channels], channels, kernel=1)

    def forward(self, features: Tensor) -> Tensor:
        query = self.key(features)
        key, value = (sampled(each, self.grids) for each in (query, self.value(features)))
        context = self.out(pixel_attention(query, key, value))
        return self.join([context, features], size=features.shape[-2:])


def sampled(features: Tensor, grids: Sequence[int]) -> Tensor:
    """Averages over several grids in a row: (B, E, h, w) to (B, E, S)."""
    return torch.cat([average_over_grid(features, cells).flatten(2) for cells in grids], dim=2)
