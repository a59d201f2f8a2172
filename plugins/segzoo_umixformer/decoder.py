"""U-MixFormer: UNet-like Transformer with Mix-Attention for Efficient Semantic Segmentation, arXiv:2312.06272.

B         batch
C_i       channels of map i, fine to coarse, and of what is decoded there
C         channels of all maps together
D         channels of the result, the option `width`
N         cells of the deepest map
H_i, W_i  size of map i
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn

import segzoo
from segzoo.nn import Attention, ConcatConvNormAct, average_over_grid
from segzoo.options import Count, Dropout, Width


class UMixFormerDecoder(segzoo.Decoder):
    """From the deepest map up, each stage asks the encoder's maps, or of coarser stages what is decoded of them.

    Queries are the encoder's map of the stage, keys and values all maps, pooled to the size of the deepest and joined.
    In the end what is decoded at every stage is fused at the finest.

    :param width: channels of the output.
    :param head_width: channels of each head of the attention: 32 for MiT-B0, 64 for B1 to B5. A map whose channels such
        heads can't share out has fewer heads.
    :param expansion: how many times wider the hidden layer of the feed-forward networks is.
    :param dropout: of whole channels, before the classifier.
    """

    finest_stride = 4
    pyramid = True
    role = "mixed"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 128,
        head_width: Width = 32,
        expansion: Count = 4,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        self.layers = nn.ModuleList(
            MixLayer(channels, stages.channels, heads_of(channels, head_width), expansion)
            for channels in stages.channels
        )
        self.fuse = ConcatConvNormAct(stages.channels, width, kernel=1)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        maps = list(features)
        for stage in reversed(range(len(maps))):
            maps[stage] = self.layers[stage](maps[stage], maps)
        return self.fuse(maps, size=maps[0].shape[-2:])


def heads_of(channels: int, head_width: int) -> int:
    """How many heads share out the channels.

    >>> heads_of(160, 32), heads_of(100, 32)
    (5, 1)
    """
    return math.gcd(channels, max(1, channels // head_width))


class MixLayer(nn.Module):
    """Mix-attention and a feed-forward network, each after a norm and with a shortcut from it.

    :param channels: of the queries.
    :param mixed: channels of all maps.
    """

    def __init__(self, channels: int, mixed: Sequence[int], heads: int, expansion: int) -> None:
        super().__init__()
        self.norm = LayerNorm2d(channels)
        self.mix = Mixture(mixed)
        self.attend = Attention(channels, heads, key_width=sum(mixed))
        self.feed_forward_norm = LayerNorm2d(channels)
        self.feed_forward = FeedForward(channels, channels * expansion)

    def forward(self, queries: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) and all maps to (B, C_i, H_i, W_i)."""
        queries, mixture = self.norm(queries), tokens(self.mix(maps))
        attended = self.attend(tokens(queries), mixture, mixture)
        summed = queries + attended.transpose(1, 2).unflatten(2, queries.shape[-2:])
        normed = self.feed_forward_norm(summed)
        return normed + self.feed_forward(normed)


class Mixture(nn.Module):
    """All maps pooled to the size of the deepest, projected but for that one, and joined."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        *finer, _ = channels
        self.projects = nn.ModuleList([*(nn.Conv2d(each, each, 1) for each in finer), nn.Identity()])
        self.norm = LayerNorm2d(sum(channels))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, C, h, w), of N = h * w cells."""
        *finer, deepest = maps
        pooled = [*(average_over_grid(each, deepest.shape[-2:]) for each in finer), deepest]
        return self.norm(torch.cat([project(each) for project, each in zip(self.projects, pooled, strict=True)], dim=1))


class FeedForward(nn.Sequential):
    """SegFormer's Mix-FFN, arXiv:2105.15203, equation 3: a depthwise convolution between the two linear layers."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__(
            nn.Conv2d(channels, hidden, 1),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.GELU(),
            nn.Conv2d(hidden, channels, 1),
        )


def tokens(features: Tensor) -> Tensor:
    """A map's cells in a row: (B, C, h, w) to (B, h * w, C)."""
    return features.flatten(2).transpose(1, 2)
