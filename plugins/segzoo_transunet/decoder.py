"""TransUNet: Transformers Make Strong Encoders for Medical Image Segmentation, arXiv:2102.04306, section 3.2.

B         batch
C_i       channels of stage i; 0 for a placeholder
D         channels at the image's own resolution
H_i, W_i  size of stage i; stage 0 has the image's
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, UpStep
from segzoo.options import Width, Widths


class TransUNetDecoder(segzoo.Decoder):
    """The cascaded upsampler: a bottleneck, then step by step to the image's own resolution, skips joined on the way.

    The paper's encoder ends at stride 16, and has skips of stride 8, 4 and 2: four steps, the last one without a skip.
    An encoder that ends elsewhere has a step for each of its stages. A placeholder is no skip, and still tells the size
    to grow to.

    :param bottleneck: channels that the deepest map is brought to.
    :param widths: channels after each step, coarse to fine; by default 16 at the image's resolution, 64 before it, and
        doubled with each step towards the deepest stage: 256, 128, 64, 16 for the paper's four.
    :param align_corners: how a map is grown: whether the centres of the corner pixels agree, as in the paper's code.
    :raises OptionError: when there isn't a width for each step.
    """

    placeholders = True
    pyramid = True
    role = "skip"
    head_kernel = 3

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        bottleneck: Width = 512,
        widths: Widths | None = None,
        align_corners: bool = True,
    ) -> None:
        steps = len(stages) - 1
        widths = [*(64 * 2**step for step in reversed(range(steps - 1))), 16] if widths is None else list(widths)
        if len(widths) != steps:
            raise segzoo.OptionError(f"transunet needs a width for each of {steps} steps, coarse to fine, got {widths}")
        super().__init__(stages, out_channels=widths[-1])
        *skips, deepest = stages.channels[1:]
        self.bottleneck = ConvNormAct(deepest, bottleneck)
        self.steps = nn.ModuleList(
            UpStep(below, joined, width, mode="bilinear", align_corners=align_corners)
            for (below, width), joined in zip(
                pairwise([bottleneck, *widths]), [*([skip] for skip in reversed(skips)), []], strict=True
            )
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        finest, *skips, deepest = features
        decoded = self.bottleneck(deepest)
        for step, skip in zip(self.steps, reversed(skips), strict=False):
            decoded = step(decoded, [skip], size=skip.shape[-2:])
        return self.steps[-1](decoded, [], size=finest.shape[-2:])
