"""The segmentation head of Sapiens2, arXiv:2604.21681.

B     batch
C, D  channels of the deepest map, of the result
h, w  size of the deepest map
H, W  size after the doublings: the image's own, of patches of 14 or 16 pixels
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated, Any, Literal

from annotated_types import Len
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, InstanceNorm2d, resize
from segzoo.options import Width, Widths

norm = partial(InstanceNorm2d, affine=False)
block = partial(ConvNormAct, norm=norm, act="silu")


class Sapiens2Decoder(segzoo.Decoder):
    """The deepest map, doubled in turn and then refined by 1x1 convolutions; an instance norm and SiLU follow each.

    The paper's four doublings lead from patches of 16 pixels to the image's own resolution. From a finer map as many
    lead there, with the first of the widths. Only where the map isn't a fraction of the image, as at odd sizes of a
    pyramid, the result is resized.

    :param grow_widths: channels after each doubling.
    :param widths: channels after each 1x1 convolution; none if empty.
    :param grow: how a map doubles: "transposed" is a deconvolution of 4x4 pixels; "pixelshuffle" a convolution to four
        times the channels, which are then moved apart, and one more before the first.
    """

    finest_stride = 2
    role = "doubled"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        grow_widths: Widths = (512, 256, 128, 64),
        widths: Annotated[Sequence[Width], Len(0, 16)] = (64, 64),
        grow: Literal["transposed", "pixelshuffle"] = "transposed",
    ) -> None:
        channels, halvings = stages.channels[-1], round(math.log2(stages.strides[-1]))
        grown = [channels, *grow_widths[:halvings]]
        refined = [grown[-1], *widths]
        super().__init__(stages, out_channels=refined[-1])
        self.stride = 2 ** max(0, halvings - len(grow_widths))
        self.enter = block(channels, channels) if grow == "pixelshuffle" else nn.Identity()
        self.doublings = nn.Sequential(*(DOUBLINGS[grow](before, after) for before, after in pairwise(grown)))
        self.refine = nn.Sequential(*(block(before, after, kernel=1) for before, after in pairwise(refined)))

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """The deepest map, and the image's own resolution for its size."""
        deepest = super().negotiate(offer, **options).stages[-1]
        note = "sapiens2: made for a transformer of one resolution; of a pyramid it takes the deepest map"
        return segzoo.Selection(
            stages=(0, deepest),
            placeholders=True,
            roles=("size only", cls.role),
            notes=() if offer.isotropic else (note,),
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, h, w) and the image's own entry to (B, D, H, W)."""
        image, deepest = features
        decoded = self.refine(self.doublings(self.enter(deepest)))
        return resize(decoded, segzoo.grid_size((image.shape[-2], image.shape[-1]), self.stride))


class Deconvolution(nn.Sequential):
    """Twice the size by a transposed convolution whose patches overlap by half."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.grow = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)
        self.norm = norm(out_channels)
        self.act = nn.SiLU()


class PixelShuffle(nn.Sequential):
    """Twice the size by a convolution to the four pixels that each becomes."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.grow = nn.Conv2d(in_channels, 4 * out_channels, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.norm = norm(out_channels)
        self.act = nn.SiLU()


DOUBLINGS = {"transposed": Deconvolution, "pixelshuffle": PixelShuffle}
