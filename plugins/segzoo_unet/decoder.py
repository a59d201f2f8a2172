"""U-Net: Convolutional Networks for Biomedical Image Segmentation, arXiv:1505.04597.

B         batch
C_i       channels of stage i; 0 for a placeholder
D         channels at the image's own resolution
H_i, W_i  size of stage i; stage 0 has the image's
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, UpStep, make_upsampler, resize, resize_mode
from segzoo.options import Norm, Upsample, Widths


class UNetDecoder(segzoo.Decoder):
    """The expanding path: from the deepest map, stage by stage, to the image's own resolution.

    Takes every stage, placeholders included: an empty skip adds no channels, and still tells the size to grow to. Of
    the finest entry the size alone is taken, as in segmentation_models_pytorch, whose widths are the default.

    :param widths: channels after each step, coarse to fine; by default 16 at the image's resolution, doubled with each
        step towards the deepest stage: 256, 128, 64, 32, 16 for depth 5.
    :param attention: "gate" weighs each skip's pixels by what is grown (Attention U-Net, arXiv:1804.03999); "scse"
        recalibrates pixels and channels of each step (arXiv:1803.02579), as in segmentation_models_pytorch.
    :param center: convolve the deepest map twice before it is grown.
    :param norm: timm's name of the norm after each convolution, such as "batchnorm2d" or "groupnorm" (widths are then
        multiples of 32); None for none, as in the paper.
    :param upsample: how a map is grown.
    :raises OptionError: when there isn't a width for each step, or `upsample` can't grow a map by a step's factor.
    """

    placeholders = True
    pyramid = True
    head_kernel = 3

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        widths: Widths | None = None,
        attention: Literal["gate", "scse"] | None = None,
        center: bool = False,
        norm: Norm = "batchnorm2d",
        upsample: Upsample = "nearest",
    ) -> None:
        steps = len(stages) - 1
        widths = [16 * 2**step for step in reversed(range(steps))] if widths is None else list(widths)
        if len(widths) != steps:
            raise segzoo.OptionError(f"unet needs a width for each of {steps} steps, coarse to fine, got {widths}")
        super().__init__(stages, out_channels=widths[-1])
        *skips, deepest = stages.channels[1:]
        self.center = (
            nn.Sequential(*(ConvNormAct(deepest, deepest, norm=norm) for _ in range(2))) if center else nn.Identity()
        )
        self.steps = nn.ModuleList(
            (GatedUpStep if attention == "gate" and any(joined) else UpStep)(
                below,
                joined,
                width,
                norm=norm,
                mode=resize_mode(upsample),
                upsampler=make_upsampler(upsample, below, coarse, fine),
                recalibrate=attention == "scse",
            )
            for (below, width), joined, (coarse, fine) in zip(
                pairwise([deepest, *widths]),
                [*([skip] for skip in reversed(skips)), []],
                pairwise(reversed(stages.strides)),
                strict=True,
            )
        )

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """Every entry from the image's resolution down to the deepest map."""
        deepest = offer.native[-1]
        if deepest == 0:
            raise segzoo.NegotiationError(f"unet grows a coarse map, and the encoder offers none: {offer}")
        skips = ("size only" if offer.is_placeholder(stage) else "skip" for stage in range(1, deepest))
        return segzoo.Selection(
            stages=tuple(range(deepest + 1)), placeholders=True, pyramid=True, roles=("size only", *skips, "grown")
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        finest, *skips, deepest = features
        decoded = self.center(deepest)
        for step, skip in zip(self.steps, reversed(skips), strict=False):
            decoded = step(decoded, [skip], size=skip.shape[-2:])
        return self.steps[-1](decoded, [], size=finest.shape[-2:])


class GatedUpStep(UpStep):
    """A step whose skips are weighed, pixel by pixel, by what is grown."""

    def __init__(self, below: int, skips: Sequence[int], width: int, **options: Any) -> None:
        super().__init__(below, skips, width, **options)
        self.gates = nn.ModuleList(AttentionGate(skip, below) for skip in skips)

    def forward(self, below: Tensor, skips: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        gated = [gate(skip, below) for gate, skip in zip(self.gates, skips, strict=True)]
        return super().forward(below, gated, size)


class AttentionGate(nn.Module):
    """Additive attention on the grid of the gating signal, arXiv:1804.03999, equations 1 and 2.

    :param skip: channels of the map that is weighed.
    :param gating: channels of the coarser map that decides.
    """

    def __init__(self, skip: int, gating: int) -> None:
        super().__init__()
        inner = max(1, skip // 2)
        self.skip = nn.Conv2d(skip, inner, 1, bias=False)
        self.gating = nn.Conv2d(gating, inner, 1)
        self.weigh = nn.Conv2d(inner, 1, 1)

    def forward(self, skip: Tensor, gating: Tensor) -> Tensor:
        agreement = resize(self.skip(skip), gating.shape[-2:]) + self.gating(gating)
        attention = self.weigh(agreement.relu()).sigmoid()
        return skip * resize(attention, skip.shape[-2:])
