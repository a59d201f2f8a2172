"""PP-LiteSeg: A Superior Real-Time Semantic Segmentation Model, arXiv:2204.02681.

B         batch
C_i       channels of map i, fine to coarse
D_i, D    channels after map i is fused, of the result
H_i, W_i  size of map i
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, PyramidPooling, he_initialise, resize
from segzoo.options import Sizes, Width, Widths

FINEST_WIDTH = 64
WIDENING = 32


class PPLiteSegDecoder(segzoo.Decoder):
    """The flexible and lightweight decoder: simple pyramid pooling, then one attention fusion per finer map.

    :param widths: channels, coarse to fine, of the pooled map and after each fusion; by default 64 for the finest and
        32 more for each that is coarser, as PP-LiteSeg-B's 128, 96, 64. T has 128, 64, 32.
    :param attention: of the fusions: "spatial" weighs pixels, "channel" channels.
    :param grids: cells per side of the pooling grids.
    :param head_width: channels between the two convolutions of the head; those of the last fusion if None.
    :raises OptionError: when there isn't a width for each stage.
    """

    finest_stride = 8
    pyramid = True
    role = "fused"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        widths: Widths | None = None,
        attention: Literal["spatial", "channel"] = "spatial",
        grids: Sizes = (1, 2, 4),
        head_width: Width | None = None,
    ) -> None:
        if widths is None:
            widths = [FINEST_WIDTH + WIDENING * level for level in reversed(range(len(stages)))]
        if len(widths) != len(stages):
            raise segzoo.OptionError(
                f"ppliteseg needs a width for each of {len(stages)} stages, coarse to fine, got {list(widths)}"
            )
        head_width = widths[-1] if head_width is None else head_width
        super().__init__(stages, out_channels=head_width)
        *finer, deepest = stages.channels
        self.context = SimplePyramidPooling(deepest, widths[0], grids)
        self.fusions = nn.ModuleList(
            AttentionFusion(below, skip, width, attention)
            for (below, width), skip in zip(pairwise(widths), reversed(finer), strict=True)
        )
        self.head = ConvNormAct(widths[-1], head_width)
        self.apply(he_initialise)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        *finer, deepest = features
        fused = self.context(deepest)
        for fusion, skip in zip(self.fusions, reversed(finer), strict=True):
            fused = fusion(fused, skip)
        return self.head(fused)


class SimplePyramidPooling(nn.Module):
    """SPPM, section 3.3: averages over a few grids, summed rather than joined: (B, C, h, w) to (B, width, h, w)."""

    def __init__(self, in_channels: int, width: int, grids: Sizes) -> None:
        super().__init__()
        self.pooling = PyramidPooling(in_channels, width, grids)
        self.smooth = ConvNormAct(width, width)

    def forward(self, features: Tensor) -> Tensor:
        pooled = [resize(each, features.shape[-2:]) for each in self.pooling(features)]
        return self.smooth(torch.stack(pooled).sum(dim=0))


class AttentionFusion(nn.Module):
    """UAFM, section 3.2: what comes from below and the skip, weighed against each other by an attention to both.

    :param below: channels of the coarser map.
    :param skip: channels of the finer one.
    :param width: channels of the result.
    """

    def __init__(self, below: int, skip: int, width: int, attention: Literal["spatial", "channel"]) -> None:
        super().__init__()
        self.lateral = ConvNormAct(skip, below)
        self.attention = SpatialAttention() if attention == "spatial" else ChannelAttention(below)
        self.smooth = ConvNormAct(below, width)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """(B, below, h, w) and (B, skip, H_i, W_i) to (B, D_i, H_i, W_i)."""
        skip = self.lateral(skip)
        grown = resize(below, skip.shape[-2:])
        weight = self.attention(grown, skip)
        return self.smooth(grown * weight + skip * (1 - weight))


class SpatialAttention(nn.Module):
    """A weight from 0 to 1 per pixel, of the means and maxima of its channels: (B, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.weigh = nn.Sequential(ConvNormAct(4, 2), ConvNormAct(2, 1, act=None))

    def forward(self, grown: Tensor, skip: Tensor) -> Tensor:
        described = [
            each for of in (grown, skip) for each in (of.mean(dim=1, keepdim=True), of.amax(dim=1, keepdim=True))
        ]
        return self.weigh(torch.cat(described, dim=1)).sigmoid()


class ChannelAttention(nn.Module):
    """A weight from 0 to 1 per channel, of the means and maxima of all pixels: (B, C, 1, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        between = max(1, channels // 2)
        self.weigh = nn.Sequential(
            ConvNormAct(4 * channels, between, kernel=1, act="leaky_relu"),
            ConvNormAct(between, channels, kernel=1, act=None),
        )

    def forward(self, grown: Tensor, skip: Tensor) -> Tensor:
        described = [
            each
            for of in (grown, skip)
            for each in (of.mean(dim=(2, 3), keepdim=True), of.amax(dim=(2, 3), keepdim=True))
        ]
        return self.weigh(torch.cat(described, dim=1)).sigmoid()
