"""GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond, arXiv:1904.11492, as a decoder.

B     batch
D, R  channels of the map, of the transform's inner layer
H, W  size of the map
"""

from __future__ import annotations

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, average_over_regions
from segzoo.options import Count, Dropout, Width
from segzoo_context.base import ConvolvedContextDecoder, zero_initialise


class GCNetDecoder(ConvolvedContextDecoder):
    """One global context for all pixels, found by attention and added to each, between two convolutions.

    The defaults are mmsegmentation's.

    :param width: channels throughout, and of the output; twice `reduction` or more.
    :param reduction: how many times fewer channels the context's transform has in between.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self, stages: segzoo.FeatureSpec, width: Width = 512, reduction: Count = 4, dropout: Dropout = 0.1
    ) -> None:
        if width < 2 * reduction:  # the layer norm of a single channel would leave a constant
            raise segzoo.OptionError(
                f"gcnet needs width as twice reduction or more, got width={width}, reduction={reduction}"
            )
        super().__init__(stages, GlobalContext(width, reduction), width, dropout)


class GlobalContext(nn.Module):
    """The context of the image, added to each pixel: (B, D, H, W) to the same; at first the identity."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        reduced = channels // reduction
        self.attention = nn.Conv2d(channels, 1, 1)
        self.squeeze = ConvNormAct(channels, reduced, kernel=1, bias=True, norm="groupnorm1")  # one group: a layer norm
        self.excite = nn.Conv2d(reduced, channels, 1)
        zero_initialise(self.excite)

    def forward(self, features: Tensor) -> Tensor:
        context = average_over_regions(features, self.attention(features))  # (B, D, 1, 1): all is one region
        return features + self.excite(self.squeeze(context))
