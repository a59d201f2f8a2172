"""Atrous spatial pyramid pooling, arXiv:1706.05587: one map seen at several dilations and as a whole.

B     batch
C, D  channels of the map, of a branch
H, W  size of the map
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from annotated_types import Ge, Le, Len
from torch import Tensor, nn

from segzoo.nn import ConcatConvNormAct, ConvNormAct, PyramidPooling
from segzoo_deeplab.separable import SeparableConvNormAct

Rates = Annotated[Sequence[Annotated[int, Ge(1), Le(1024)]], Len(0, 16)]
"""Dilations, in pixels of the map; there may be none."""


class ASPP(nn.Module):
    """A 1x1 convolution, a 3x3 one per dilation rate, and the image's average, joined by a convolution.

    :param width: channels of each branch and of the output.
    :param separable: whether the dilated convolutions are depthwise separable.
    :param depthwise_norm: see `SeparableConvNormAct`.
    :param kernel: of the convolution that joins the branches, 1 or 3.
    :param dropout: of single values, after it.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        rates: Rates,
        *,
        separable: bool,
        depthwise_norm: bool,
        kernel: int,
        dropout: float,
    ) -> None:
        super().__init__()
        conv = partial(SeparableConvNormAct, depthwise_norm=depthwise_norm) if separable else ConvNormAct
        self.point = ConvNormAct(in_channels, width, kernel=1)
        self.atrous = nn.ModuleList(conv(in_channels, width, dilation=rate) for rate in rates)
        self.pooling = PyramidPooling(in_channels, width, grids=(1,))
        self.project = ConcatConvNormAct([width] * (len(rates) + 2), width, kernel)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        seen = [self.point(features), *(conv(features) for conv in self.atrous), *self.pooling(features)]
        return self.dropout(self.project(seen, size=features.shape[-2:]))
