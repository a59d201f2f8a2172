"""SETR-MLA: Rethinking Semantic Segmentation from a Sequence-to-Sequence Perspective with Transformers, 2012.15840.

B         batch
C_i       channels of map i, fine to coarse
K         classes
H_i, W_i  size of map i; of entry 0, the image's own
H, W      size at stride 4
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from timm.layers import LayerNorm2d
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConv2d, ConvNormAct, he_initialise, resize
from segzoo.options import Dropout, Width

STREAMS = 4
FINEST_STRIDE = 4


class SETRMLADecoder(segzoo.Decoder):
    """Multi-level aggregation: up to four maps as streams, summed from the deepest down, each convolved, all joined.

    It classifies by itself: the streams are not joined at full width, each is weighed where it stands and then resized
    to stride 4. On a pyramid a stream keeps its own resolution, and what comes from a deeper one is resized to it.

    :param classes: how many.
    :param width: channels of a stream where the streams are summed.
    :param stream_width: channels of a stream where they are joined; half the width if None.
    :param dropout: of whole channels, before the classifier.
    """

    emits = "logits"
    finest_stride = FINEST_STRIDE
    role = "stream"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        width: Width = 256,
        stream_width: Width | None = None,
        dropout: Dropout = 0.0,
    ) -> None:
        stream_width = max(1, width // 2) if stream_width is None else stream_width
        super().__init__(stages, out_channels=classes)
        channels = stages.channels[1:]
        self.reduce = nn.ModuleList(
            nn.Sequential(LayerNorm2d(each), ConvNormAct(each, width, kernel=1)) for each in channels
        )
        self.enhance = nn.ModuleList(ConvNormAct(width, width) for _ in channels)
        self.streams = nn.ModuleList(
            nn.Sequential(ConvNormAct(width, stream_width), ConvNormAct(stream_width, stream_width)) for _ in channels
        )
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = ConcatConv2d([stream_width] * len(channels), classes, kernel=1)
        self.apply(he_initialise)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """The four deepest maps, and the image's own resolution for its size."""
        taken = super().negotiate(offer, **options).stages[-STREAMS:]
        notes = ("setr_mla: made for a transformer of one resolution; the streams keep those of the pyramid",)
        return segzoo.Selection(
            stages=(0, *taken),
            placeholders=True,
            roles=("size only", *(cls.role for _ in taken)),
            notes=notes if offer.strides[taken[0]] < offer.strides[taken[-1]] else (),
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, K, H, W)."""
        finest, *maps = features
        levels = [reduce(feature) for reduce, feature in zip(self.reduce, maps, strict=True)]
        for deeper, level in pairwise(reversed(range(len(levels)))):
            levels[level] = levels[level] + resize(levels[deeper], levels[level].shape[-2:])
        streams = [
            self.dropout(stream(enhance(level)))
            for stream, enhance, level in zip(self.streams, self.enhance, levels, strict=True)
        ]
        return self.classifier(streams, segzoo.grid_size((finest.shape[-2], finest.shape[-1]), FINEST_STRIDE))
