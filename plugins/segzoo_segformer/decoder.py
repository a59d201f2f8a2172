"""SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers, arXiv:2105.15203, section 3.2.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the result
H_i, W_i  size of map i
H, W      size of the finest of stride 4 or more
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct, Linear2d, make_upsampler, resize, resize_mode
from segzoo.options import Dropout, Stride, Upsample, Width

FINEST_STRIDE = 4
"""Of the paper's maps, and of the output."""


class SegFormerDecoder(segzoo.Decoder):
    """The all-MLP decoder: a linear layer per stage, resized to stride 4, joined coarse to fine, and mixed by another.

    :param width: channels that each stage is brought to, and of the output; 256 for B0 and B1, 768 for B2 to B5.
    :param linear_norm: whether a batch norm and a ReLU follow each of these linear layers, as in mmsegmentation.
    :param dropout: of whole channels, before the classifier.
    :param finest_stride: stages of a finer stride are not taken; 2 takes every stage, as segmentation_models_pytorch.
    :param align_corners: how the logits are resized to the image: whether the centres of the corner pixels agree.
    :param upsample: how each stage grows to stride 4, once it has the width.
    :raises OptionError: when `upsample` can't grow a stage by the factor between two strides.
    """

    role = "linear"
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 256,
        linear_norm: bool = False,
        dropout: Dropout = 0.1,
        align_corners: bool = False,
        upsample: Upsample = "bilinear",
    ) -> None:
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        self.head_align_corners = align_corners
        coarse = [entry for entry, stride in enumerate(stages.strides) if stride >= FINEST_STRIDE]
        self.finest = coarse[0] if coarse else len(stages) - 1
        self.linears = nn.ModuleList(
            ConvNormAct(channels, width, kernel=1) if linear_norm else Linear2d(channels, width)
            for channels in stages.channels
        )
        mode, fine = resize_mode(upsample), stages.strides[self.finest]
        between = linear_norm or mode != upsample  # whether there is something between the two linear layers
        self.upsamplers = nn.ModuleList(
            make_upsampler(upsample, width, max(stride, fine), fine) for stride in stages.strides if between
        )
        self.fuse = ConcatConvNormAct([width] * len(stages), width, kernel=1, mode=mode)

    @classmethod
    def negotiate(
        cls, offer: segzoo.FeatureSpec, finest_stride: Annotated[Stride, Ge(2)] = FINEST_STRIDE, **options: Any
    ) -> segzoo.Selection:
        """Every map from the finest stride on."""
        taken = [stage for stage in offer.native if stage > 0 and offer.strides[stage] >= finest_stride]
        if not taken:
            raise segzoo.NegotiationError(
                f"segformer needs a stage from stride {finest_stride} on, and the encoder's strides are "
                f"{offer.select(offer.native).strides}"
            )
        return segzoo.Selection(stages=tuple(taken), roles=(cls.role,) * len(taken))

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H, W)."""
        size = features[self.finest].shape[-2:]
        if self.upsamplers:
            linears = [linear(feature) for linear, feature in zip(self.linears, features, strict=True)]
            maps = [upsampler(each) for upsampler, each in zip(self.upsamplers, linears, strict=True)]
        else:  # linear layers are left to the one that follows: the two are one matrix, and a map can be shrunk before
            shrunk = [resize(feature, size) for feature in features[: self.finest]] + features[self.finest :]
            maps = [partial(linear, feature) for linear, feature in zip(self.linears, shrunk, strict=True)]
        return self.fuse(maps[::-1], size)
