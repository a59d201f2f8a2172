"""SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers, arXiv:2105.15203, section 3.2."""

from __future__ import annotations

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct


class SegFormerDecoder(segzoo.Decoder):
    """The all-MLP decoder: a linear layer per stage, resized to the finest, joined, and mixed by another.

    :param width: channels that each stage is brought to, and of the output; 256 for B0 and B1, 768 for B2 to B5.
    :param dropout: of whole channels, before the classifier.
    """

    finest_stride = 4
    role = "linear"

    def __init__(self, stages: segzoo.FeatureSpec, width: int = 256, dropout: float = 0.1) -> None:
        if width < 1 or not 0 <= dropout < 1:
            raise segzoo.OptionError(
                f"segformer needs width from 1 on and dropout from 0 to below 1, got width={width}, dropout={dropout}"
            )
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        self.linears = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in stages.channels)
        self.fuse = ConcatConvNormAct([width] * len(stages), width, kernel=1)

    def forward(self, features: list[Tensor]) -> Tensor:
        unified = [linear(feature) for linear, feature in zip(self.linears, features, strict=True)]
        return self.fuse(unified, size=features[0].shape[-2:])
