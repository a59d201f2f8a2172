"""Interlaced Sparse Self-Attention for Semantic Segmentation, arXiv:1907.12273.

B     batch
C, D  channels of the deepest map, of the result
H, W  size of the deepest map
G, K  windows in a column, in a row of them
P, Q  pixels in a column, in a row of a window
"""

from __future__ import annotations

from typing import Annotated

import torch
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
        (rows, inner_rows), (columns, inner_columns) = (self._windows(length, first) for length in (height, width))
        filled = F.pad(first, (self.window,) * 4)
        windows = filled[:, :, rows][..., columns]  # (B, D, G, P, K, Q)
        far = self.far(rearrange(windows, "B D G P K Q -> (B P Q) D G K"))
        near = self.near(rearrange(far, "(B P Q) D G K -> (B G K) D P Q", P=self.window, Q=self.window))
        context = rearrange(near, "(B G K) D P Q -> B D (G P) (K Q)", G=rows.shape[0], K=columns.shape[0])
        return self.join([context[:, :, inner_rows][..., inner_columns], first], size=(height, width))

    def _windows(self, length: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """How windows cover the rows (or columns), as far beyond the first as beyond the last.

        :returns: which rows of the map, filled up by a window on each side, each window has, (G, P); and which of the
            windows' rows are the map's, (length,).
        """
        windows = (length + self.window - 1) // self.window
        beyond = (windows * self.window - length) // 2
        places = torch.arange(self.window, device=like.device)
        starts = torch.arange(windows, device=like.device) * self.window
        rows = starts[:, None] + places + (self.window - beyond)
        return rows, torch.arange(length, device=like.device) + beyond


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
