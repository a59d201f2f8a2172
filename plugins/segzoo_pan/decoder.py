"""Pyramid Attention Network for Semantic Segmentation, arXiv:1805.10180.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the result
H_i, W_i  size of map i
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConvNormAct, he_initialise, resize
from segzoo.options import Interpolation, OutputStride, Width


class PANDecoder(segzoo.Decoder):
    """Feature pyramid attention (FPA) on the deepest map, then global attention upsampling (GAU) for each finer one.

    Stages from stride 4 on; the result is as fine as the finest of them.

    :param width: channels throughout, as in segmentation_models_pytorch.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    :param align_corners: of every bilinear resize, the logits' included; segmentation_models_pytorch has True.
    :param upsample: how the coarser map grows in global attention upsampling.
    """

    finest_stride = 4
    role = "attended"
    head_kernel = 3
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 32,
        align_corners: bool = False,
        upsample: Interpolation = "bilinear",
    ) -> None:
        super().__init__(stages, out_channels=width)
        self.head_align_corners = align_corners
        *finer, deepest = stages.channels
        self.pyramid_attention = FeaturePyramidAttention(deepest, width, align_corners)
        self.upsampling = nn.ModuleList(
            GlobalAttentionUpsampling(channels, width, upsample, align_corners) for channels in reversed(finer)
        )
        self.apply(he_initialise)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 16, **options: Any) -> segzoo.Selection:
        """Stages from stride 4 on, dilated if the encoder can."""
        return replace(super().negotiate(offer), output_stride=output_stride)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        *finer, deepest = features
        decoded = self.pyramid_attention(deepest)
        for upsample, feature in zip(self.upsampling, reversed(finer), strict=True):
            decoded = upsample(feature, decoded)
        return decoded


class FeaturePyramidAttention(nn.Module):
    """A map weighed, pixel by pixel, by what 7x7, 5x5 and 3x3 convolutions see at a half, a quarter and an eighth.

    The pyramid has one channel, as in segmentation_models_pytorch. The mean over the image is added to the result.
    """

    def __init__(self, channels: int, width: int, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.image = ConvNormAct(channels, width, 1, bias=True)
        self.middle = ConvNormAct(channels, width, 1, bias=True)
        self.at_half = ConvNormAct(channels, 1, 7, bias=True)
        self.at_quarter = ConvNormAct(1, 1, 5, bias=True)
        self.at_eighth = nn.Sequential(ConvNormAct(1, 1, 3, bias=True), ConvNormAct(1, 1, 3, bias=True))
        self.from_quarter = ConvNormAct(1, 1, 5, bias=True)
        self.from_half = ConvNormAct(1, 1, 7, bias=True)

    def forward(self, features: Tensor) -> Tensor:
        half = self.at_half(halve(features))
        quarter = self.at_quarter(halve(half))
        eighth = self.at_eighth(halve(quarter))
        attention = self.grow(eighth, quarter) + self.from_quarter(quarter)
        attention = self.grow(attention, half) + self.from_half(half)
        attention = self.grow(attention, features)
        return attention * self.middle(features) + self.image(features.mean(dim=(2, 3), keepdim=True))

    def grow(self, attention: Tensor, like: Tensor) -> Tensor:
        return resize(attention, like.shape[-2:], align_corners=self.align_corners)


def halve(features: Tensor) -> Tensor:
    """Max pooling by 2 that rounds down, but keeps a last pixel: (B, C, h, w) to (B, C, max(1, h // 2), ...)."""
    height, width = features.shape[-2:]
    pooled = F.max_pool2d(features, 2, ceil_mode=True)
    rows, columns = height // 2 + 1 // height, width // 2 + 1 // width  # the second term is 1 for a last pixel, else 0
    return pooled[:, :, :rows, :columns]


class GlobalAttentionUpsampling(nn.Module):
    """The finer map's channels weighed by the mean of the coarser one, which is then resized and added."""

    def __init__(self, channels: int, width: int, mode: Interpolation, align_corners: bool) -> None:
        super().__init__()
        self.mode: Interpolation = mode
        self.align_corners = align_corners
        self.weigh = ConvNormAct(width, width, 1, bias=True, act="sigmoid")
        self.finer = ConvNormAct(channels, width, 3, bias=True)

    def forward(self, finer: Tensor, coarser: Tensor) -> Tensor:
        weight = self.weigh(coarser.mean(dim=(2, 3), keepdim=True))
        return resize(coarser, finer.shape[-2:], self.mode, self.align_corners) + weight * self.finer(finer)
