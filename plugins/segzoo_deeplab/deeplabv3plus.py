"""Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation, arXiv:1802.02611: DeepLabV3+.

B     batch
C, D  channels of the deepest map, of the result
L, M  channels of the low-level map, before and after it is reduced
h, w  size of the deepest map
H, W  size of the low-level map
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, resize
from segzoo.options import Count, Dropout, OutputStride, Width
from segzoo_deeplab.aspp import ASPP, Rates
from segzoo_deeplab.selection import select_low_and_deepest
from segzoo_deeplab.separable import SeparableConvNormAct


class DeepLabV3PlusDecoder(segzoo.Decoder):
    """Atrous spatial pyramid pooling on the deepest map, refined by a low-level one of stride 4.

    The defaults are those of segmentation_models_pytorch. mmsegmentation's are `width=512, depthwise_norm=True,
    project_kernel=3, fuse_convs=2, dropout=0.0, head_dropout=0.1, output_stride=8`. Where no map has stride 4, a finer
    one serves, or else the finest.

    :param width: channels of each branch and of the output.
    :param low_width: channels that the low-level map is brought to.
    :param rates: dilations, in pixels of the deepest map.
    :param separable: whether the dilated convolutions are depthwise separable.
    :param depthwise_norm: a norm and a ReLU after each depthwise convolution too.
    :param project_kernel: 1 joins the branches by a 1x1 convolution, and a separable one follows; 3 by a 3x3 alone.
    :param fuse_convs: separable convolutions after the low-level map is joined.
    :param dropout: of single values, after the branches are joined.
    :param head_dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    :param align_corners: how maps and logits are upsampled: segmentation_models_pytorch aligns the corners.
    """

    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 256,
        low_width: Width = 48,
        rates: Rates = (12, 24, 36),
        separable: bool = True,
        depthwise_norm: bool = False,
        project_kernel: Literal[1, 3] = 1,
        fuse_convs: Count = 1,
        dropout: Dropout = 0.5,
        head_dropout: Dropout = 0.0,
        align_corners: bool = False,
    ) -> None:
        super().__init__(stages, out_channels=width)
        self.head_dropout = head_dropout
        self.head_align_corners = align_corners
        low, deepest = stages.channels
        self.aspp = ASPP(
            deepest,
            width,
            rates,
            separable=separable,
            depthwise_norm=depthwise_norm,
            kernel=project_kernel,
            dropout=dropout,
        )
        conv = partial(SeparableConvNormAct, out_channels=width, depthwise_norm=depthwise_norm)
        self.refine = conv(width) if project_kernel == 1 else nn.Identity()
        self.low = ConvNormAct(low, low_width, kernel=1)
        self.fuse = nn.Sequential(conv(width + low_width), *(conv(width) for _ in range(fuse_convs - 1)))

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 16, **options: Any) -> segzoo.Selection:
        """The map of stride 4 and the deepest, dilated if the encoder can."""
        return select_low_and_deepest("deeplabv3plus", offer, low_stride=4, output_stride=output_stride)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, L, H, W) and (B, C, h, w) to (B, D, H, W)."""
        low, deepest = features
        context = self.refine(self.aspp(deepest))
        context = resize(context, low.shape[-2:], align_corners=self.head_align_corners)
        return self.fuse(torch.cat([context, self.low(low)], dim=1))
