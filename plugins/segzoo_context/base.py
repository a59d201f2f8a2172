"""What decoders of context share: the deepest map, in which each pixel is told of the others.

B     batch
C     channels of the deepest map
D, E  channels of the result, of the context
H, W  size of the deepest map
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct
from segzoo.options import OutputStride


class ContextDecoder(segzoo.Decoder):
    """The base of all: it takes the deepest map, and wishes for a stride of 8.

    :param width: channels of the output.
    :param dropout: of whole channels, before the classifier.
    """

    finest_stride = 2
    role = "context"

    def __init__(self, stages: segzoo.FeatureSpec, width: int, dropout: float) -> None:
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 8, **options: Any) -> segzoo.Selection:
        """The deepest map, or as many as are taken, dilated if the encoder can."""
        stages = super().negotiate(offer).stages[-cls.taken(options) :]
        return segzoo.Selection(stages=stages, output_stride=output_stride, roles=(cls.role,) * len(stages))

    @classmethod
    def taken(cls, options: Mapping[str, Any]) -> int:
        """How many of the deepest maps it takes at most."""
        return 1


class ConvolvedContextDecoder(ContextDecoder):
    """A convolution, the context, a convolution, and a last one that joins the result with the deepest map.

    :param context: (B, E, H, W) to the same.
    :param context_width: channels in which the context is found; the width if None.
    """

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        context: nn.Module,
        width: int,
        dropout: float,
        context_width: int | None = None,
    ) -> None:
        super().__init__(stages, width, dropout)
        (deepest,) = stages.channels
        context_width = width if context_width is None else context_width
        self.first = ConvNormAct(deepest, context_width)
        self.context = context
        self.last = ConvNormAct(context_width, width)
        self.join = ConcatConvNormAct([deepest, width], width)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        (deepest,) = features
        context = self.last(self.context(self.first(deepest)))
        return self.join([deepest, context], size=deepest.shape[-2:])


class ContextPyramidDecoder(ContextDecoder):
    """The context at several scales, each found in the deepest map, and a convolution that joins all with that map.

    :param contexts: (B, C, H, W) to (B, D, H, W) each.
    """

    def __init__(self, stages: segzoo.FeatureSpec, contexts: list[nn.Module], width: int, dropout: float) -> None:
        super().__init__(stages, width, dropout)
        (deepest,) = stages.channels
        self.contexts = nn.ModuleList(contexts)
        self.join = ConcatConvNormAct([deepest, *[width] * len(contexts)], width)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        (deepest,) = features
        contexts = [context(deepest) for context in self.contexts]
        return self.join([deepest, *contexts], size=deepest.shape[-2:])


def zero_initialise(module: nn.Module) -> None:
    """Let a branch add nothing at first: its last layer gives zeros."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
