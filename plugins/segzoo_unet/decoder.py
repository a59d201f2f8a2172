"""U-Net: Convolutional Networks for Biomedical Image Segmentation, arXiv:1505.04597."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct


class UNetDecoder(segzoo.Decoder):
    """The expanding path: from the deepest map, stage by stage, to the image's own resolution.

    Takes every stage, placeholders included: an empty skip adds no channels, and still tells the size to grow to. Of
    the finest entry the size alone is taken, as in segmentation_models_pytorch, whose widths are the default.

    :param widths: channels after each step, coarse to fine; by default 16 at the image's resolution, doubled with each
        step towards the deepest stage: 256, 128, 64, 32, 16 for depth 5.
    """

    placeholders = True
    pyramid = True
    head_kernel = 3

    def __init__(self, stages: segzoo.FeatureSpec, widths: Sequence[int] | None = None) -> None:
        steps = len(stages) - 1
        widths = [16 * 2**step for step in reversed(range(steps))] if widths is None else list(widths)
        if len(widths) != steps or min(widths) < 1:
            raise segzoo.OptionError(f"unet needs a width for each of {steps} steps, coarse to fine, got {widths}")
        super().__init__(stages, out_channels=widths[-1])
        *skips, deepest = stages.channels[1:]
        self.steps = nn.ModuleList(
            UpStep(below, skip, width)
            for below, skip, width in zip([deepest, *widths[:-1]], [*reversed(skips), 0], widths, strict=True)
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
        finest, *skips, decoded = features
        for step, skip in zip(self.steps, [*reversed(skips), finest[:, :0]], strict=True):
            decoded = step(decoded, skip)
        return decoded


class UpStep(nn.Module):
    """Grow to the skip's size, join with it, convolve twice."""

    def __init__(self, below: int, skip: int, width: int) -> None:
        super().__init__()
        self.join = ConcatConvNormAct([below, skip], width, mode="nearest")
        self.refine = ConvNormAct(width, width)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        return self.refine(self.join([below, skip], size=skip.shape[-2:]))
