"""SETR-PUP: Rethinking Semantic Segmentation from a Sequence-to-Sequence Perspective with Transformers, 2012.15840.

B     batch
C, D  channels of the deepest map, of the result
h, w  size of the deepest map
H, W  size at stride 2
"""

from __future__ import annotations

from typing import Any

from timm.layers import LayerNorm2d
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, resize
from segzoo.options import Dropout, OutputStride, Width


class SETRPUPDecoder(segzoo.Decoder):
    """Progressive upsampling: the deepest map, convolved and doubled in turn until it has the image's resolution.

    Of stride 16 that takes the paper's four steps, of stride 32 five. The last doubling is the head's: it classifies
    before it resizes, which gives the same logits for less.

    :param width: channels of each step, and of the output.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: what to wish for where a pyramid's deepest map is coarser: 8, 16 as the paper's patches, or
        None for nothing. From 8 it takes three steps, and tells apart what is small.
    """

    finest_stride = 2
    role = "upsampled"

    def __init__(self, stages: segzoo.FeatureSpec, width: Width = 256, dropout: Dropout = 0.0) -> None:
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        channels, stride = stages.channels[-1], stages.strides[-1]
        self.norm = LayerNorm2d(channels)
        self.first = ConvNormAct(channels, width)
        self.steps = nn.ModuleDict({str(finer): ConvNormAct(width, width) for finer in powers_of_two_below(stride)})

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 8, **options: Any) -> segzoo.Selection:
        """The deepest map, of a pyramid dilated if the encoder can, and the image's own resolution for its size."""
        deepest = super().negotiate(offer, **options).stages[-1]
        notes = ("setr_pup: made for a transformer of one resolution; of a pyramid it takes the deepest map",)
        return segzoo.Selection(
            stages=(0, deepest),
            placeholders=True,
            output_stride=None if offer.isotropic else output_stride,
            roles=("size only", cls.role),
            notes=() if offer.isotropic else notes,
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, h, w) and the image's own entry to (B, D, H, W)."""
        finest, deepest = features
        image = (finest.shape[-2], finest.shape[-1])
        decoded = self.first(self.norm(deepest).contiguous())  # the norm leaves channels last, which ties an export
        for stride, step in self.steps.items():
            decoded = step(resize(decoded, segzoo.grid_size(image, int(stride))))
        return decoded


def powers_of_two_below(stride: int) -> list[int]:
    """From coarse to fine, down to 2.

    >>> powers_of_two_below(16)
    [8, 4, 2]
    """
    return [2**power for power in reversed(range(1, (stride - 1).bit_length()))]
