"""Dual Attention Network for Scene Segmentation, arXiv:1809.02983.

B     batch
C, D  channels of the deepest map, of the result
H, W  size of the deepest map
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, pixel_attention
from segzoo.options import Dropout, Width
from segzoo_context.base import ContextDecoder


class DANetDecoder(ContextDecoder):
    """Attention among the pixels and attention among the channels, each between two convolutions, summed.

    The defaults are mmsegmentation's. The paper classifies each of the two by itself as well, for its training loss
    alone; here the sum is classified.

    :param width: channels throughout, and of the output.
    :param key_width: channels in which pixels are compared.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self, stages: segzoo.FeatureSpec, width: Width = 512, key_width: Width = 64, dropout: Dropout = 0.1
    ) -> None:
        super().__init__(stages, width, dropout)
        (deepest,) = stages.channels
        self.position, self.channel = (
            nn.Sequential(ConvNormAct(deepest, width), attention, ConvNormAct(width, width))
            for attention in (PositionAttention(width, key_width), ChannelAttention())
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        (deepest,) = features
        return self.position(deepest) + self.channel(deepest)


class PositionAttention(nn.Module):
    """Each pixel attends to all pixels: (B, D, H, W) to the same; at first the identity."""

    def __init__(self, channels: int, key_width: int) -> None:
        super().__init__()
        self.query, self.key = (nn.Conv2d(channels, key_width, 1) for _ in range(2))
        self.value = nn.Conv2d(channels, channels, 1)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        context = pixel_attention(self.query(features), self.key(features), self.value(features), scale=1.0)
        return features + self.gain * context


class ChannelAttention(nn.Module):
    """Each channel attends to all, most to those that differ from it: (B, D, H, W) to the same; at first the identity.

    The paper's formula has the most similar ones first. Its code, and mmsegmentation's, subtract the similarity from
    the largest, which turns the order around; trained weights are of that form.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        channels = features.flatten(2)
        similarity = channels @ channels.transpose(-2, -1)  # (B, D, D)
        context = (-similarity).softmax(dim=-1) @ channels
        return features + self.gain * context.unflatten(2, features.shape[-2:])
