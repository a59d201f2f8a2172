"""Separable convolution: each channel by itself, then all channels at each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segzoo.nn import ConcatConvNormAct, ConvNormAct, conv2d


class SeparableConvNormAct(nn.Sequential):
    """A 3x3 depthwise and a 1x1 convolution, a batch norm and a ReLU: (B, in, H, W) to (B, out, H, W).

    :param depthwise_norm: a batch norm and a ReLU after the depthwise convolution too, as in mmsegmentation.
    """

    def __init__(self, in_channels: int, out_channels: int, *, dilation: int = 1, depthwise_norm: bool = False) -> None:
        super().__init__()
        self.depthwise = make_depthwise(in_channels, dilation, depthwise_norm)
        self.pointwise = ConvNormAct(in_channels, out_channels, kernel=1)


class JoiningSeparableConvNormAct(nn.Module):
    """The same over the concatenation of maps (B, in_i, H, W), each of which can be convolved before it is joined."""

    def __init__(self, in_channels: Sequence[int], out_channels: int, *, depthwise_norm: bool = False) -> None:
        super().__init__()
        self.depthwise = make_depthwise(sum(in_channels), 1, depthwise_norm)
        self.pointwise = ConcatConvNormAct(in_channels, out_channels, kernel=1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        split, conv = self.pointwise.conv.split, self.depthwise.conv
        heard = any(each._forward_hooks or each._forward_pre_hooks for each in (self.depthwise, conv))
        if isinstance(self.depthwise.norm, nn.Identity) and not heard:
            weights = conv.weight.split(split)
            seen = [
                conv2d(each, weight, padding=conv.padding, groups=len(weight))
                for each, weight in zip(maps, weights, strict=True)
            ]
        else:
            seen = self.depthwise(torch.cat(list(maps), dim=1)).split(split, dim=1)
        return self.pointwise(seen, size=maps[0].shape[-2:])


def make_depthwise(channels: int, dilation: int, with_norm: bool) -> ConvNormAct:
    """Each channel by itself, and a batch norm and a ReLU if wanted."""
    return ConvNormAct(
        channels,
        channels,
        dilation=dilation,
        groups=channels,
        bias=False,
        norm="batchnorm2d" if with_norm else None,
        act="relu" if with_norm else None,
    )
