"""Searching for MobileNetV3, arXiv:1905.02244, section 6.4: LR-ASPP, the segmentation decoder for mobiles.

B     batch
L, C  channels of the low-level map, of the deepest
K     classes
h, w  size of the deepest map
H, W  size of the low-level map
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, average_over_grid, resize
from segzoo.options import OutputStride, Width
from segzoo_deeplab.selection import select_low_and_deepest


class LRASPPDecoder(segzoo.Decoder):
    """The deepest map, gated by its average, and a low-level one of stride 8: classified each, and summed.

    It classifies by itself, since the paper's classifiers stand at two resolutions. The average is that of the whole
    image, as in torchvision (the paper's is of windows of 49x49). Where no map has stride 8, a finer one
    serves, or else the finest.

    :param classes: of all heads together.
    :param width: channels that the deepest map is brought to.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    emits = "logits"

    def __init__(self, stages: segzoo.FeatureSpec, classes: int, width: Width = 128) -> None:
        super().__init__(stages, out_channels=classes)
        low, deepest = stages.channels
        self.high = ConvNormAct(deepest, width, kernel=1)
        self.gate = nn.Conv2d(deepest, width, kernel_size=1, bias=False)
        self.low_classifier = nn.Conv2d(low, classes, kernel_size=1)
        self.high_classifier = nn.Conv2d(width, classes, kernel_size=1)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 16, **options: Any) -> segzoo.Selection:
        """The map of stride 8 and the deepest, dilated if the encoder can."""
        return select_low_and_deepest("lraspp", offer, low_stride=8, output_stride=output_stride)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, L, H, W) and (B, C, h, w) to (B, K, H, W)."""
        low, deepest = features
        high = self.high(deepest) * self.gate(average_over_grid(deepest, 1)).sigmoid()
        # a 1x1 convolution commutes with the resize: classified before it, there is less to resize
        return self.low_classifier(low) + resize(self.high_classifier(high), low.shape[-2:])
