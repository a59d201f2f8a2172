"""Expectation-Maximization Attention Networks for Semantic Segmentation, arXiv:1907.13426.

B     batch
C, D  channels of the deepest map, of the result
E     channels in which the attention is done
H, W  size of the deepest map
K, N  bases; pixels, H times W
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConvNormAct
from segzoo.options import Count, Dropout, Width
from segzoo_context.base import ConvolvedContextDecoder


class EMANetDecoder(ConvolvedContextDecoder):
    """The map rebuilt from a few bases that describe it, added to it, between two convolutions.

    The defaults are mmsegmentation's.

    :param width: channels of the output.
    :param context_width: channels in which the attention is done.
    :param bases: how many describe the map.
    :param steps: of expectation and maximisation.
    :param momentum: how far the first bases move, at each step of training, to those that were found.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 256,
        context_width: Width = 512,
        bases: Width = 64,
        steps: Count = 3,
        momentum: Annotated[float, Ge(0), Le(1)] = 0.1,
        dropout: Dropout = 0.1,
    ) -> None:
        attention = EMAttention(context_width, bases, steps, momentum)
        super().__init__(stages, attention, width, dropout, context_width)
        self.restore = ConvNormAct(context_width, context_width, kernel=1, act=None)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        (deepest,) = features
        first = self.first(deepest)
        context = F.relu(first + self.restore(self.context(first)))
        return self.join([deepest, self.last(context)], size=deepest.shape[-2:])


class EMAttention(nn.Module):
    """A map projected, and rebuilt from its bases, negatives left out: (B, E, H, W) to the same.

    As in the paper, no gradient passes: what is learned is around it. So the projection stays what it was at first, and
    is no parameter. The bases that the iteration begins from follow those that it finds, in training mode. Of several
    processes those of the first are kept, as of batch norms that aren't synchronised.

    It has no children, and a decoder has it as a child: gradient checkpointing doesn't run it twice, from other bases.
    """

    projection: Tensor
    bias: Tensor
    bases: Tensor

    def __init__(self, channels: int, bases: int, steps: int, momentum: float) -> None:
        super().__init__()
        self.steps = steps
        self.momentum = momentum
        self.register_buffer("projection", torch.randn(channels, channels) * (2 / channels) ** 0.5)
        self.register_buffer("bias", torch.zeros(channels, 1))
        self.register_buffer("bases", F.normalize(torch.randn(channels, bases), dim=0))

    @torch.no_grad()
    def forward(self, features: Tensor) -> Tensor:
        pixels = self.projection @ features.flatten(2) + self.bias  # (B, E, N)
        bases = self.bases.to(pixels.dtype).expand(pixels.shape[0], -1, -1)  # (B, E, K)
        for _ in range(self.steps):
            shares = (bases.transpose(-2, -1) @ pixels).softmax(dim=1)  # (B, K, N)
            bases = F.normalize(pixels @ F.normalize(shares, p=1, dim=2).transpose(-2, -1), dim=1)
        if self.training:
            found = F.normalize(bases.mean(dim=0), dim=0)
            self.bases.lerp_(found.to(self.bases.dtype), self.momentum)
        return F.relu(bases @ shares).unflatten(2, features.shape[-2:])
