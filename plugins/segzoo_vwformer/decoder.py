"""Multi-Scale Representations by Varying Window Attention for Semantic Segmentation, arXiv:2404.16573.

B         batch
C_i       channels of map i, fine to coarse
D         channels throughout
H_i, W_i  size of map i
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct, he_initialise
from segzoo.options import Count, Dropout, Sizes, Width
from segzoo_vwformer.attention import VaryingWindowAttention

FINEST_STRIDE = 8
"""Of what is aggregated; a finer map is low-level, and only added at the end."""
STAGES = 4


class VWFormerDecoder(segzoo.Decoder):
    """Maps from stride 8 on are aggregated, seen at several scales by window attention, and enhanced by a finer map.

    An encoder without a map of stride 4 goes without that enhancement; one that ends before stride 8 has its coarsest
    map aggregated.

    :param width: channels throughout, a multiple of the heads and of the squares of the ratios; 512 in the paper's
        larger models.
    :param low_width: channels of the low-level map.
    :param window: pixels per side of a query window, on the grid of the aggregated map.
    :param ratios: how many times as wide as the query window each context window is.
    :param heads: of each attention.
    :param dropout: of whole channels, before the classifier.
    """

    finest_stride = 4
    pyramid = True
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 256,
        low_width: Width = 48,
        window: Count = 8,
        ratios: Sizes = (2, 4, 8),
        heads: Count = 8,
        dropout: Dropout = 0.1,
    ) -> None:
        if any(width % ratio**2 for ratio in ratios) or width % heads:
            raise segzoo.OptionError(
                "vwformer needs width as a multiple of heads and of each ratio's square, got "
                f"width={width}, heads={heads}, ratios={list(ratios)}"
            )
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        self.low = low_level(stages)
        low, high = stages.channels[: self.low], stages.channels[self.low :]
        self.linears = nn.ModuleList(ConvNormAct(channels, width, kernel=1) for channels in high)
        self.aggregate = ConcatConvNormAct([width] * len(high), width, kernel=1)
        self.short_path = ConvNormAct(width, width, kernel=1)
        self.scales = nn.ModuleList(VaryingWindowAttention(width, heads, window, ratio) for ratio in ratios)
        self.join = ConcatConvNormAct([width] * (1 + len(ratios)), width, kernel=1)
        self.low_linears = nn.ModuleList(ConvNormAct(channels, low_width, kernel=1) for channels in low)
        self.enhance = ConcatConvNormAct([width, *(low_width for _ in low)], width, kernel=1) if low else None
        self.apply(he_initialise)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """The four deepest maps from stride 4 on."""
        taken = super().negotiate(offer, **options).stages[-STAGES:]
        low = low_level(offer.select(taken))
        return segzoo.Selection(
            stages=taken,
            pyramid=True,
            roles=("low-level",) * low + ("aggregated",) * (len(taken) - low),
            notes=() if low else ("vwformer: no map finer than stride 8, so no low-level enhancement",),
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        low, high = features[: self.low], features[self.low :]
        size = high[0].shape[-2:]
        aggregated = self.aggregate([linear(each) for linear, each in zip(self.linears, high, strict=True)], size)
        scales = [self.short_path(aggregated), *(attend(aggregated) for attend in self.scales)]
        joined = self.join(scales, size)
        if self.enhance is None:
            return joined
        details = [linear(each) for linear, each in zip(self.low_linears, low, strict=True)]
        return self.enhance([joined, *details], size=low[0].shape[-2:])


def low_level(stages: segzoo.FeatureSpec) -> int:
    """How many of the maps are low-level; the coarsest never is."""
    return sum(stride < FINEST_STRIDE for stride in stages.strides[:-1])
