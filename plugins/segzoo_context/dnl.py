"""Disentangled Non-Local Neural Networks, arXiv:2006.06668, as a decoder.

B     batch
D, E  channels of the map, of what is compared
H, W  size of the map
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Le
from torch import Tensor, nn

import segzoo
from segzoo.nn import average_over_regions, pixel_attention
from segzoo.options import Count, Dropout, Width
from segzoo_context.base import ConvolvedContextDecoder
from segzoo_context.non_local import NonLocalBlock


class DNLDecoder(ConvolvedContextDecoder):
    """Non-local attention in two parts, how alike two pixels are and how salient each is, between two convolutions.

    The defaults are mmsegmentation's.

    :param width: channels throughout, and of the output.
    :param reduction: how many times fewer channels are compared.
    :param temperature: what the pairwise scores are divided by, beyond the root of the channels.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 512,
        reduction: Count = 2,
        temperature: Annotated[float, Gt(0), Le(1000)] = 0.05,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(stages, DisentangledNonLocalBlock(width, reduction, temperature), width, dropout)


class DisentangledNonLocalBlock(NonLocalBlock):
    """Pairwise and unary attention, added to the map: (B, D, H, W) to the same; at first the identity."""

    def __init__(self, channels: int, reduction: int, temperature: float) -> None:
        super().__init__(channels, reduction)
        self.temperature = temperature
        self.unary = nn.Conv2d(channels, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        query, key, value = whitened(self.query(features)), whitened(self.key(features)), self.value(features)
        scale = query.shape[1] ** -0.5 / self.temperature
        pairwise = pixel_attention(query, key, value, scale)
        unary = average_over_regions(value, self.unary(features))  # (B, E, 1, 1): all is one region
        return features + self.out(pairwise + unary)


def whitened(features: Tensor) -> Tensor:
    """Without its mean over the pixels: what is left tells pixels apart."""
    return features - features.mean(dim=(-2, -1), keepdim=True)
