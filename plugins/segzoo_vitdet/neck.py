"""Exploring Plain Vision Transformer Backbones for Object Detection, arXiv:2203.16527: the simple feature pyramid."""

from __future__ import annotations

import math
from collections.abc import Sequence

from timm.layers import LayerNorm2d
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, MaxPool, resize


class SimplePyramid(segzoo.Neck):
    """Every stage of the pyramid from the deepest map alone, by transposed convolutions or max pooling.

    Each stage gets its nominal stride: where patches of 14 pixels leave a map off that grid, it is resized to it.

    :param width: channels of each stage.
    """

    def __init__(self, offer: segzoo.FeatureSpec, stages: Sequence[int], width: int = 256) -> None:
        super().__init__(offer, stages)
        self.source = offer.native[-1]
        channels, strides = list(offer.channels), list(offer.strides)
        for stage in stages:
            channels[stage], strides[stage] = width, 2**stage
        self.spec = segzoo.FeatureSpec(tuple(channels), tuple(strides))
        self.stages = nn.ModuleDict(
            {
                str(stage): PyramidStage(
                    offer.channels[self.source], width, round(math.log2(offer.strides[self.source] / strides[stage]))
                )
                for stage in stages
            }
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        (height, width), deepest = features[0].shape[-2:], features[self.source]
        pyramid = list(features)
        for stage, scale in self.stages.items():
            size = segzoo.grid_size((height, width), self.spec.strides[int(stage)])
            pyramid[int(stage)] = resize(scale(deepest), size)
        return pyramid


class PyramidStage(nn.Sequential):
    """Scale by 2**doublings, then bring to the width: 1x1 and 3x3 convolution, each with a layer norm."""

    def __init__(self, in_channels: int, width: int, doublings: int) -> None:
        super().__init__()
        channels = in_channels
        for step in range(doublings):
            half = max(1, channels // 2)
            if step > 0:
                self.append(LayerNorm2d(channels)).append(nn.GELU())
            self.append(nn.ConvTranspose2d(channels, half, kernel_size=2, stride=2))
            channels = half
        for _ in range(-doublings):
            self.append(MaxPool(2))
        self.append(ConvNormAct(channels, width, kernel=1, norm="layernorm2d", act=None))
        self.append(ConvNormAct(width, width, kernel=3, norm="layernorm2d", act=None))
