"""Unified Perceptual Parsing for Scene Understanding, arXiv:1807.10221: UPerNet.

B         batch
C_i       channels of map i, fine to coarse
D         channels of each level, and of the result
H_i, W_i  size of map i, and of level i
"""

from __future__ import annotations

from itertools import pairwise

from timm.layers import LayerNorm2d
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct, PyramidPooling, he_initialise, make_upsampler, resize, resize_mode
from segzoo.options import Dropout, Sizes, Upsample, Width


class UPerNetDecoder(segzoo.Decoder):
    """Pyramid pooling on the deepest map, a feature pyramid from there to the finest, and all levels joined.

    The default width is that of segmentation_models_pytorch; mmsegmentation's has `width=512`, `dropout=0.1`, and
    `input_norm=False` for convolutional encoders. Its Swin and ConvNeXt end each stage in a layer norm that timm's
    don't have: there `input_norm=True` supplies it.

    :param width: channels of every level and of the output.
    :param grids: cells per side of the pooling grids.
    :param input_norm: whether each of the encoder's maps gets a layer norm over its channels first.
    :param dropout: of whole channels, before the classifier.
    :param align_corners: how the logits are upsampled: segmentation_models_pytorch aligns the corners.
    :param upsample: how a coarser level of the pyramid grows to the next finer one.
    :raises OptionError: when `upsample` can't grow a level by the factor between two strides.
    """

    finest_stride = 4
    pyramid = True
    role = "lateral"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 256,
        grids: Sizes = (1, 2, 3, 6),
        input_norm: bool = True,
        dropout: Dropout = 0.0,
        align_corners: bool = False,
        upsample: Upsample = "bilinear",
    ) -> None:
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        self.head_align_corners = align_corners
        *finer, deepest = stages.channels
        self.input_norms = nn.ModuleList(
            LayerNorm2d(channels) if input_norm else nn.Identity() for channels in stages.channels
        )
        self.pooling = PyramidPooling(deepest, width, grids)
        self.context = ConcatConvNormAct([deepest, *[width] * len(grids)], width)
        self.laterals = nn.ModuleList(ConvNormAct(channels, width, kernel=1) for channels in finer)
        self.smooth = nn.ModuleList(ConvNormAct(width, width) for _ in finer)
        self.fuse = ConcatConvNormAct([width] * len(stages), width)
        self.apply(he_initialise)
        self.upsamplers = nn.ModuleList(  # which start in their own way
            make_upsampler(upsample, width, coarse, fine) for fine, coarse in pairwise(stages.strides)
        )
        self.mode = resize_mode(upsample)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        *finer, deepest = (norm(feature) for norm, feature in zip(self.input_norms, features, strict=True))
        context = self.context([deepest, *self.pooling(deepest)], size=deepest.shape[-2:])
        levels = [lateral(feature) for lateral, feature in zip(self.laterals, finer, strict=True)] + [context]
        for fine in reversed(range(len(finer))):
            grown = self.upsamplers[fine](levels[fine + 1])
            levels[fine] = levels[fine] + resize(grown, levels[fine].shape[-2:], self.mode)
        smoothed = [smooth(level) for smooth, level in zip(self.smooth, levels[:-1], strict=True)]
        return self.fuse([*smoothed, context], size=levels[0].shape[-2:])
