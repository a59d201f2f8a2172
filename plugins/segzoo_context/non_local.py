"""Non-local Neural Networks, arXiv:1711.07971, as a decoder.

B     batch
D, E  channels of the map, of what is compared
H, W  size of the map
"""

from __future__ import annotations

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, pixel_attention
from segzoo.options import Count, Dropout, Width
from segzoo_context.base import ConvolvedContextDecoder, zero_initialise


class NonLocalDecoder(ConvolvedContextDecoder):
    """Each pixel attends to all pixels, the embedded Gaussian of the paper, between two convolutions.

    The defaults are mmsegmentation's.

    :param width: channels throughout, and of the output.
    :param reduction: how many times fewer channels are compared.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self, stages: segzoo.FeatureSpec, width: Width = 512, reduction: Count = 2, dropout: Dropout = 0.1
    ) -> None:
        super().__init__(stages, NonLocalBlock(width, reduction), width, dropout)


class NonLocalBlock(nn.Module):
    """Attention of each pixel to all, added to the map: (B, D, H, W) to the same; at first the identity."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        reduced = max(1, channels // reduction)
        self.query, self.key, self.value = (nn.Conv2d(channels, reduced, 1) for _ in range(3))
        self.out = ConvNormAct(reduced, channels, kernel=1, act=None)
        zero_initialise(self.out.norm)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.out(pixel_attention(self.query(features), self.key(features), self.value(features)))
