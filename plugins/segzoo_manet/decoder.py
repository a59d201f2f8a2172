"""MA-Net: A Multi-Scale Attention Network for Liver and Tumor Segmentation, doi:10.1109/ACCESS.2020.3025372.

B         batch
C_i       channels of stage i; 0 for a placeholder
D         channels at the image's own resolution
H_i, W_i  size of stage i; stage 0 has the image's
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

import segzoo
from segzoo.nn import ChannelGate, ConvNormAct, UpStep, resize
from segzoo.options import Count, Interpolation, Norm, Width, Widths


class MANetDecoder(segzoo.Decoder):
    """U-Net's expanding path with attention: among positions of the deepest map, among channels at each skip.

    Takes every stage; a placeholder has no channels to attend to, and tells the size to grow to. Widths are those of
    segmentation_models_pytorch.

    :param widths: channels after each step, coarse to fine; by default 16 at the image's resolution, doubled with each
        step towards the deepest stage.
    :param position_width: channels in which positions are compared.
    :param reduction: how many times fewer channels the channel attention's inner layer has.
    :param attention: "pairs" is segmentation_models_pytorch's reading of the position attention, which its weights are
        trained with: one softmax over all pairs of positions, the result's memory read as channels first. "positions"
        is self-attention: each position has a softmax of its own, and the result stays in its place.
    :param norm: timm's name of the norm after each convolution; None for none.
    :param upsample: how a map is grown.
    :raises OptionError: when there isn't a width for each step.
    """

    placeholders = True
    pyramid = True
    role = "skip"
    head_kernel = 3

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        widths: Widths | None = None,
        position_width: Width = 64,
        reduction: Count = 16,
        attention: Literal["pairs", "positions"] = "pairs",
        norm: Norm = "batchnorm2d",
        upsample: Interpolation = "nearest",
    ) -> None:
        steps = len(stages) - 1
        widths = [16 * 2**step for step in reversed(range(steps))] if widths is None else list(widths)
        if len(widths) != steps:
            raise segzoo.OptionError(f"manet needs a width for each of {steps} steps, coarse to fine, got {widths}")
        super().__init__(stages, out_channels=widths[-1])
        *skips, deepest = stages.channels[1:]
        self.center = PositionAttention(deepest, position_width, over_pairs=attention == "pairs")
        self.steps = nn.ModuleList(
            FusionStep(below, skip, width, reduction, norm, upsample)
            if skip
            else UpStep(below, [0], width, norm=norm, mode=upsample)
            for (below, width), skip in zip(pairwise([deepest, *widths]), [*reversed(skips), 0], strict=True)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        finest, *skips, deepest = features
        decoded = self.center(deepest)
        for step, skip in zip(self.steps, [*reversed(skips), finest[:, :0]], strict=True):
            decoded = step(decoded, [skip], size=skip.shape[-2:])
        return decoded


class PositionAttention(nn.Module):
    """The position-wise attention block (PAB): every position attends to every other: (B, C, h, w) to the same.

    :param width: channels in which positions are compared.
    :param over_pairs: see `MANetDecoder`.
    """

    def __init__(self, channels: int, width: int, over_pairs: bool) -> None:
        super().__init__()
        self.over_pairs = over_pairs
        self.query = nn.Conv2d(channels, width, 1)
        self.key = nn.Conv2d(channels, width, 1)
        self.value = nn.Conv2d(channels, channels, 3, padding=1)
        self.mix = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        query = self.query(features).flatten(2).transpose(-2, -1)
        value = self.value(features).flatten(2).transpose(-2, -1)
        similarity = query @ self.key(features).flatten(2)
        if self.over_pairs:
            attended = similarity.flatten(1).softmax(dim=1).view_as(similarity) @ value
        else:
            attended = (similarity.softmax(dim=2) @ value).transpose(-2, -1)
        return self.mix(features + attended.reshape(features.shape))


class FusionStep(nn.Module):
    """The multi-scale fusion attention block (MFAB): channels weighed by the coarser map and the skip, then a step.

    Nearest resizing leaves the means that weigh channels as they are, so all but the step is computed at the coarser
    map's size; in other modes the map is grown first.
    """

    def __init__(
        self, below: int, skip: int, width: int, reduction: int, norm: str | None, mode: Interpolation
    ) -> None:
        super().__init__()
        self.bring = nn.Sequential(ConvNormAct(below, below, 3, norm=norm), ConvNormAct(below, skip, 1, norm=norm))
        self.weigh_below = ChannelGate(skip, reduction)
        self.weigh_skip = ChannelGate(skip, reduction)
        self.mode: Interpolation = mode
        self.step = UpStep(skip, [skip], width, norm=norm, mode=mode)

    def forward(self, below: Tensor, skips: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        (skip,) = skips
        below = self.bring(below)
        if self.mode != "nearest":
            below = resize(below, size, self.mode)
        below = below * (self.weigh_below(below) + self.weigh_skip(skip))
        return self.step(below, [skip], size)
