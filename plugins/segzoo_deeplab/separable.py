"""Separable convolution: each channel by itself, then all channels at each pixel."""

from __future__ import annotations

from torch import nn

from segzoo.nn import ConvNormAct


class SeparableConvNormAct(nn.Sequential):
    """A 3x3 depthwise and a 1x1 convolution, a batch norm and a ReLU: (B, in, H, W) to (B, out, H, W).

    :param depthwise_norm: a batch norm and a ReLU after the depthwise convolution too, as in mmsegmentation.
    """

    def __init__(self, in_channels: int, out_channels: int, *, dilation: int = 1, depthwise_norm: bool = False) -> None:
        super().__init__()
        self.depthwise = ConvNormAct(
            in_channels,
            in_channels,
            dilation=dilation,
            groups=in_channels,
            bias=False,
            norm="batchnorm2d" if depthwise_norm else None,
            act="relu" if depthwise_norm else None,
        )
        self.pointwise = ConvNormAct(in_channels, out_channels, kernel=1)
