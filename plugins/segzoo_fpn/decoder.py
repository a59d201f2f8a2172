"""Panoptic Feature Pyramid Networks, arXiv:1901.02446: the semantic branch on an FPN (arXiv:1612.03144)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, resize


class FPNDecoder(segzoo.Decoder):
    """A pyramid from the top down, then each level upsampled to the finest and summed.

    :param pyramid_width: channels of the pyramid's levels.
    :param width: channels of the upsampled levels and of the output, a multiple of 32 (group norm's groups).
    :param dropout: of whole channels, before the classifier.
    """

    finest_stride = 4
    pyramid = True
    role = "lateral"

    def __init__(
        self, stages: segzoo.FeatureSpec, pyramid_width: int = 256, width: int = 128, dropout: float = 0.2
    ) -> None:
        if pyramid_width < 1 or width < 32 or width % 32 or not 0 <= dropout < 1:
            raise segzoo.OptionError(
                "fpn needs pyramid_width from 1 on, width a multiple of 32 and dropout from 0 to below 1, got "
                f"pyramid_width={pyramid_width}, width={width}, dropout={dropout}"
            )
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        self.laterals = nn.ModuleList(nn.Conv2d(channels, pyramid_width, 1) for channels in stages.channels)
        self.branches = nn.ModuleList(UpBranch(pyramid_width, width, finer) for finer in range(len(stages)))

    def forward(self, features: list[Tensor]) -> Tensor:
        levels = [lateral(feature) for lateral, feature in zip(self.laterals, features, strict=True)]
        for coarse, fine in pairwise(reversed(range(len(levels)))):
            levels[fine] = levels[fine] + resize(levels[coarse], levels[fine].shape[-2:], mode="nearest")
        sizes = [level.shape[-2:] for level in levels]
        branches = zip(self.branches, levels, range(len(levels)), strict=True)
        return torch.stack([branch(level, sizes[:finer]) for branch, level, finer in branches]).sum(dim=0)


class UpBranch(nn.Module):
    """From one level up to the finest: 3x3 convolution, group norm, ReLU and a resize for each finer level.

    :param finer: how many levels are finer; the finest itself is convolved once.
    """

    def __init__(self, in_channels: int, width: int, finer: int) -> None:
        super().__init__()
        widths = [in_channels] + [width] * max(1, finer)
        self.convs = nn.ModuleList(ConvNormAct(*pair, norm="groupnorm") for pair in pairwise(widths))

    def forward(self, level: Tensor, finer_sizes: Sequence[torch.Size]) -> Tensor:
        sizes = list(reversed(finer_sizes)) or [level.shape[-2:]]
        for conv, size in zip(self.convs, sizes, strict=True):
            level = resize(conv(level), size)
        return level
