"""Rethinking Atrous Convolution for Semantic Image Segmentation, arXiv:1706.05587: DeepLabV3.

B     batch
C, D  channels of the deepest map, of the result
H, W  size of the deepest map
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct
from segzoo.options import Dropout, OutputStride, Width
from segzoo_deeplab.aspp import ASPP, Rates
from segzoo_deeplab.selection import select_deepest


class DeepLabV3Decoder(segzoo.Decoder):
    """Atrous spatial pyramid pooling on the deepest map, and a 3x3 convolution.

    The defaults are torchvision's and segmentation_models_pytorch's. mmsegmentation's are `width=512,
    project_kernel=3, dropout=0.0, head_dropout=0.1`; the heads for mobiles have `refine=False`, and MobileNetV2's
    `rates=()` too.

    :param width: channels of each branch and of the output.
    :param rates: dilations, in pixels of the deepest map; the paper's are (12, 24, 36) at stride 8, half that at 16.
    :param separable: whether the dilated convolutions are depthwise separable.
    :param project_kernel: 1 joins the branches by a 1x1 convolution, and a 3x3 one follows; 3 joins by a 3x3 alone.
    :param refine: whether that 3x3 follows.
    :param dropout: of single values, after the branches are joined.
    :param head_dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    :param align_corners: how the logits are upsampled: segmentation_models_pytorch aligns the corners.
    """

    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 256,
        rates: Rates = (12, 24, 36),
        separable: bool = False,
        project_kernel: Literal[1, 3] = 1,
        refine: bool = True,
        dropout: Dropout = 0.5,
        head_dropout: Dropout = 0.0,
        align_corners: bool = False,
    ) -> None:
        super().__init__(stages, out_channels=width)
        self.head_dropout = head_dropout
        self.head_align_corners = align_corners
        (deepest,) = stages.channels
        self.aspp = ASPP(
            deepest,
            width,
            rates,
            separable=separable,
            depthwise_norm=False,
            kernel=project_kernel,
            dropout=dropout,
        )
        self.refine = ConvNormAct(width, width) if refine and project_kernel == 1 else nn.Identity()

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 8, **options: Any) -> segzoo.Selection:
        """The deepest map, dilated if the encoder can."""
        return select_deepest("deeplabv3", offer, output_stride)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        (deepest,) = features
        return self.refine(self.aspp(deepest))
