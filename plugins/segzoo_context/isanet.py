"""Interlaced Sparse Self-Attention for Semantic Segmentation, arXiv:1907.12273.

B     batch
C, D  channels of the deepest map, of the result
H, W  size of the deepest map
G, K  windows in a column, in a row of them
P, Q  pixels in a column, in a row of a window
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct, pixel_attention
from segzoo.options import Dropout, Width
from segzoo_context.base import ContextDecoder


class ISANetDecoder(ContextDecoder):
    """Attention among far pixels, one of each window, then among those of a window: together each sees all.

    The defaults are mmsegmentation's, as is what fills up the last windows: zeros, which take part in the attention.

    :param width: channels throughout, and of the output.
    :param key_width: channels in which pixels are compared.
    :param window: pixels per side of a window.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 512,
        key_width: Width = 256,
        window: Annotated[int, Ge(1), Le(256)] = 8,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(stages, width, dropout)
        (deepest,) = stages.channels
        self.window = window
        self.first = ConvNormAct(deepest, width)
        self.far = GroupAttention(width, key_width)
        self.near = GroupAttention(width, key_width)
        self.join = ConcatConvNormAct([width, width], width, kernel=1)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        (deepest,) = features
        first = self.first(deepest)
        height, width = first.shape[-2:]
        rows, columns = segzoo.grid_size((height, width), self.window)
        missing_rows, missing_columns = rows * self.window - height, columns * self.window - width
        top, left = missing_rows // 2, missing_columns // 2
        filled = F.pad(first, (left, missing_columns - left, top, missing_rows - top))
        side = {"P": self.window, "Q": self.window}
        far = self.far(rearrange(filled, "B D (G P) (K Q) -> (B P Q) D G K", **side))
        near = self.near(rearrange(far, "(B P Q) D G K -> (B G K) D P Q", **side))
        context = rearrange(near, "(B G K) D P Q -> B D (G P) (K Q)", G=rows, K=columns)
        return self.join([context[..., top : top + height, left : left + width], first], size=(height, width))


class GroupAttention(nn.Module):
    """Each pixel attends to those of its group, a map of its own: (groups, D, h, w) to the same."""

    def __init__(self, channels: int, key_width: int) -> None:
        super().__init__()
        self.query, self.key = (
            nn.Sequential(ConvNormAct(channels, key_width, kernel=1), ConvNormAct(key_width, key_width, kernel=1))
            for _ in range(2)
        )
        self.value = nn.Conv2d(channels, channels, 1)
        self.out = ConvNormAct(channels, channels, kernel=1)

    def forward(self, groups: Tensor) -> Tensor:
        return self.out(pixel_attention(self.query(groups), self.key(groups), self.value(groups)))
