"""MobileViT, arXiv:2110.02178, as transformers dilates it: timm's layers, of which it leaves one undilated.

Dilated, timm widens the 3x3 convolution in a MobileViT block too, transformers the one that loses its stride alone.
"""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor

import segzoo

CHANNELS = {
    "mobilevit_xxs": (16, 24, 48, 64, 80),
    "mobilevit_xs": (32, 48, 64, 80, 96),
    "mobilevit_s": (32, 64, 96, 128, 160),
}
STAGES = (1, 2, 3, 4, 5)


class TransformersMobileViT(segzoo.Encoder):
    """MobileViT.

    :param architecture: timm's name.
    :param output_stride: 8, 16 or 32.
    """

    def __init__(self, architecture: str, in_channels: int, depth: int, output_stride: int) -> None:
        body: Any = timm.create_model(architecture, in_chans=in_channels, num_classes=0, output_stride=output_stride)
        strides = [min(2**stage, output_stride) for stage in range(depth + 1)]
        super().__init__(
            segzoo.FeatureSpec((in_channels, *CHANNELS[architecture][:depth]), tuple(strides)),
            preprocessing=segzoo.Preprocessing((0.0,) * in_channels, (1.0,) * in_channels),
        )
        self.stem = body.stem
        self.stages = body.stages[:depth]
        for name, conv in self.stages.named_modules():
            if name.endswith(".conv_kxk.conv"):
                conv.dilation = (1, 1)
                conv.padding = tuple(side // 2 for side in conv.kernel_size)

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = {}
        feature = self.stem(image)
        for entry, stage in zip(STAGES, self.stages, strict=False):
            maps[entry] = feature = stage(feature)
        return self.complete(image, maps)
