"""Panoptic Feature Pyramid Networks, arXiv:1901.02446: the semantic branch on an FPN (arXiv:1612.03144).

B         batch
C_i       channels of map i, fine to coarse
P, D      channels of the pyramid's levels, of the result
H_i, W_i  size of map i, and of level i
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, he_initialise, make_upsampler, resize, resize_mode
from segzoo.options import Dropout, Upsample, Width, Width32


class FPNDecoder(segzoo.Decoder):
    """A pyramid from the top down, then each level upsampled to the finest and summed.

    The default widths are those of segmentation_models_pytorch.

    :param pyramid_width: channels of the pyramid's levels.
    :param smooth: whether a 3x3 convolution follows on each level of the pyramid, as in both papers. In
        segmentation_models_pytorch none does.
    :param width: channels of the upsampled levels, a multiple of 32 (group norm's groups).
    :param merge: "add" (the paper's) or "cat", which gives the classifier the upsampled levels side by side.
    :param dropout: of whole channels, before the classifier.
    :param align_corners: how levels and logits are upsampled: segmentation_models_pytorch aligns the corners.
    :param upsample: how a coarser level of the pyramid grows to the next finer one.
    :raises OptionError: when `upsample` can't grow a level by the factor between two strides.
    """

    finest_stride = 4
    pyramid = True
    role = "lateral"
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        pyramid_width: Width = 256,
        smooth: bool = False,
        width: Width32 = 128,
        merge: Literal["add", "cat"] = "add",
        dropout: Dropout = 0.2,
        align_corners: bool = False,
        upsample: Upsample = "nearest",
    ) -> None:
        super().__init__(stages, out_channels=width if merge == "add" else width * len(stages))
        self.head_dropout = dropout
        self.head_align_corners = align_corners
        self.merge = merge
        self.laterals = nn.ModuleList(nn.Conv2d(channels, pyramid_width, 1) for channels in stages.channels)
        self.smooth = nn.ModuleList(
            nn.Conv2d(pyramid_width, pyramid_width, 3, padding=1) if smooth else nn.Identity() for _ in stages.channels
        )
        self.branches = nn.ModuleList(
            UpBranch(pyramid_width, width, finer, align_corners) for finer in range(len(stages))
        )
        self.apply(he_initialise)
        self.upsamplers = nn.ModuleList(  # which start in their own way
            make_upsampler(upsample, pyramid_width, coarse, fine) for fine, coarse in pairwise(stages.strides)
        )
        self.mode = resize_mode(upsample)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        sizes = [feature.shape[-2:] for feature in features]
        levels = [lateral(feature) for lateral, feature in zip(self.laterals, features, strict=True)]
        for coarse, fine in pairwise(reversed(range(len(levels)))):
            levels[fine] = levels[fine] + resize(self.upsamplers[fine](levels[coarse]), sizes[fine], self.mode)
        pyramid = [smooth(level) for smooth, level in zip(self.smooth, levels, strict=True)]
        upsampled = [branch(level, sizes) for branch, level in zip(self.branches, pyramid, strict=True)]
        return reduce(torch.add, upsampled[::-1]) if self.merge == "add" else torch.cat(upsampled[::-1], dim=1)


class UpBranch(nn.Module):
    """From one level up to the finest: 3x3 convolution, group norm, ReLU and a resize for each finer level.

    The finest level itself is convolved once, and keeps its size.

    :param finer: how many levels are finer.
    """

    def __init__(self, in_channels: int, width: int, finer: int, align_corners: bool) -> None:
        super().__init__()
        widths = [in_channels] + [width] * max(1, finer)
        self.convs = nn.ModuleList(ConvNormAct(*pair, norm="groupnorm") for pair in pairwise(widths))
        self.align_corners = align_corners

    def forward(self, level: Tensor, sizes: Sequence[torch.Size]) -> Tensor:
        """(B, P, H_i, W_i) to (B, D, H_0, W_0).

        :param sizes: of all levels, fine to coarse.
        """
        for conv, size in zip(self.convs, reversed(sizes[: len(self.convs)]), strict=True):
            level = resize(conv(level), size, align_corners=self.align_corners)
        return level
