"""Fully Convolutional Networks for Semantic Segmentation, arXiv:1411.4038, on a dilated encoder in place of skips.

B     batch
C, D  channels of the deepest map, of the result
H, W  size of the deepest map
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct
from segzoo.options import Count, Dropout, OutputStride, Width
from segzoo_deeplab.selection import select_deepest


class FCNDecoder(segzoo.Decoder):
    """3x3 convolutions on the deepest map, as torchvision and mmsegmentation have it.

    The defaults are torchvision's; mmsegmentation's are `width=512, convs=2, concat_input=True`.

    :param width: channels of the output; by default a quarter of the deepest map's.
    :param convs: how many convolutions.
    :param concat_input: whether their result is joined with the map that they began from, by one more.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width | None = None,
        convs: Count = 1,
        concat_input: bool = False,
        dropout: Dropout = 0.1,
    ) -> None:
        (deepest,) = stages.channels
        width = max(1, deepest // 4) if width is None else width
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        widths = [deepest] + [width] * (convs - 1)
        self.convs = nn.Sequential(*(ConvNormAct(each, width) for each in widths))
        self.join = ConcatConvNormAct([deepest, width], width) if concat_input else None

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 8, **options: Any) -> segzoo.Selection:
        """The deepest map, dilated if the encoder can."""
        return select_deepest("fcn", offer, output_stride)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        (deepest,) = features
        convolved = self.convs(deepest)
        return convolved if self.join is None else self.join([deepest, convolved], size=deepest.shape[-2:])
