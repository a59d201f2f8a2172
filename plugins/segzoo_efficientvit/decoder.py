"""EfficientViT: Multi-Scale Linear Attention for High-Resolution Dense Prediction, arXiv:2205.14756, section 3.2.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the result
H_i, W_i  size of map i
"""

from __future__ import annotations

from functools import reduce
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, resize
from segzoo.options import Count, Dropout, Width

FINEST_STRIDE = 8
STAGES = 3


class EfficientViTDecoder(segzoo.Decoder):
    """The three coarsest maps brought to one width, resized to stride 8 and summed, then a few inverted bottlenecks.

    Where the encoder ends before stride 8, its coarsest map is taken alone.

    The authors' settings; those of L have `fused=True` and `act="gelu_tanh"` besides:

    - Cityscapes: width 32, 64, 96, 128 for B0 to B3, 1 block for B0. L: width 256, expansion 1, no final expansion,
      3 blocks for L1 and 5 for L2.
    - ADE20K: those widths and no final expansion for B1 to B3. L: width 128, final expansion 8.

    :param width: channels of the sum.
    :param blocks: inverted bottlenecks after the sum.
    :param expansion: of the channels within a bottleneck.
    :param final_expansion: of the channels before the classifier; None leaves that layer out.
    :param fused: whether a bottleneck widens by a 3x3 convolution, rather than by a 1x1 and a depthwise one.
    :param act: the activation.
    :param dropout: of whole channels, before the classifier.
    """

    finest_stride = 2
    pyramid = True
    role = "summed"
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 64,
        blocks: Annotated[int, Ge(0), Le(256)] = 3,
        expansion: Count = 4,
        final_expansion: Count | None = 4,
        fused: bool = False,
        act: Literal["hard_swish", "gelu_tanh"] = "hard_swish",
        dropout: Dropout = 0.0,
    ) -> None:
        super().__init__(stages, out_channels=width * (final_expansion or 1))
        self.head_dropout = dropout
        self.laterals = nn.ModuleList(ConvNormAct(channels, width, kernel=1, act=None) for channels in stages.channels)
        bottleneck = FusedBottleneck if fused else InvertedBottleneck
        self.blocks = nn.Sequential(*(bottleneck(width, expansion, act) for _ in range(blocks)))
        self.expand = ConvNormAct(width, self.out_channels, kernel=1, act=act) if final_expansion else nn.Identity()

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """The three coarsest maps from stride 8 on; without such, the coarsest of all."""
        maps = super().negotiate(offer, **options).stages
        taken = [stage for stage in maps if offer.strides[stage] >= FINEST_STRIDE][-STAGES:] or maps[-1:]
        return segzoo.Selection(stages=tuple(taken), pyramid=True, roles=(cls.role,) * len(taken))

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        size = features[0].shape[-2:]
        laterals = zip(self.laterals, features, strict=True)
        summed = reduce(torch.add, [resize(lateral(feature), size) for lateral, feature in laterals])
        return self.expand(self.blocks(summed))


class InvertedBottleneck(nn.Sequential):
    """MobileNetV2's block with a shortcut, arXiv:1801.04381: widen, convolve each channel, narrow."""

    def __init__(self, channels: int, expansion: int, act: str) -> None:
        inner = channels * expansion
        super().__init__(
            ConvNormAct(channels, inner, kernel=1, act=act),
            ConvNormAct(inner, inner, groups=inner, act=act),
            ConvNormAct(inner, channels, kernel=1, act=None),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + super().forward(features)


class FusedBottleneck(nn.Sequential):
    """The same with one full convolution that widens, arXiv:2104.00298: faster where channels are few."""

    def __init__(self, channels: int, expansion: int, act: str) -> None:
        inner = channels * expansion
        super().__init__(
            ConvNormAct(channels, inner, act=act),
            ConvNormAct(inner, channels, kernel=1, act=None),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + super().forward(features)
