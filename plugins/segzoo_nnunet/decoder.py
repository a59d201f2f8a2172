"""nnU-Net: Self-adapting Framework for Biomedical Image Segmentation, arXiv:1904.08128.

B         batch
C_i       channels of map i, fine to coarse, and of the step that ends there
H_i, W_i  size of map i
"""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct
from segzoo.options import Count, Norm, Stride


class NNUNetDecoder(segzoo.Decoder):
    """The encoder's mirror: from the deepest map up, each step as wide as the stage that it ends at.

    As many steps as the encoder has stages beyond the first. The residual encoders of nnU-Net Revisited
    (arXiv:2404.09556) have the same decoder with one convolution per step.

    :param convs: convolutions of each step; 2 in nnU-Net, 1 with its residual encoders.
    :param norm: the norm after each convolution, "instancenorm2d" in the paper, or another by timm's name; None for
        none.
    :param deep_supervision: whether the outputs of the steps before the last, but for the first, are classified in
        training as well: all but the two coarsest resolutions, as in the paper.
    :param finest_stride: stages of a finer stride are not taken; 1 takes the entry at the image's own resolution too,
        where the paper's encoder has its first stage.
    """

    pyramid = True

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        convs: Count = 2,
        norm: Literal["instancenorm2d"] | Norm = "instancenorm2d",
        deep_supervision: bool = False,
    ) -> None:
        super().__init__(stages, out_channels=stages.channels[0])
        self.coarser_channels = stages.channels[1:-2] if deep_supervision else ()
        self.steps = nn.ModuleList(
            Step(stages.select((entry, entry + 1)), convs, norm) for entry in reversed(range(len(stages) - 1))
        )

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, finest_stride: Stride = 2, **options: Any) -> segzoo.Selection:
        """Every map of the finest stride or a coarser one."""
        taken = tuple(stage for stage in offer.native if offer.strides[stage] >= finest_stride)
        if not any(taken):
            raise segzoo.NegotiationError(
                f"nnunet needs a stage of stride {finest_stride} or more, and the encoder offers strides "
                f"{offer.select(offer.native).strides}"
            )
        return segzoo.Selection(stages=taken, pyramid=cls.pyramid, roles=("skip",) * (len(taken) - 1) + ("grown",))

    def forward(self, features: list[Tensor], coarser: bool = False) -> Any:
        """(B, C_i, H_i, W_i) each to (B, C_0, H_0, W_0), with `coarser` beside those of the steps before."""
        *skips, deepest = features
        decoded = [deepest]
        for step, skip in zip(self.steps, reversed(skips), strict=True):
            decoded.insert(0, step(decoded[0], skip))
        finest, *others = decoded
        return (finest, others[: len(self.coarser_channels)]) if coarser else finest


class Step(nn.Module):
    """Grow by a transposed convolution, join with the skip, convolve.

    :param stages: the skip and what is grown to it, whose strides say how many times.
    """

    def __init__(self, stages: segzoo.FeatureSpec, convs: int, norm: str | None) -> None:
        super().__init__()
        (width, below), (fine, coarse) = stages.channels, stages.strides
        factor = max(1, round(coarse / fine))
        self.grow = nn.ConvTranspose2d(below, width, factor, stride=factor)
        self.join = ConcatConvNormAct([width, width], width, bias=True, norm=norm, act="leaky_relu")
        self.refine = nn.Sequential(
            *(ConvNormAct(width, width, bias=True, norm=norm, act="leaky_relu") for _ in range(convs - 1))
        )

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        return self.refine(self.join([self.grow(below), skip], size=skip.shape[-2:]))
