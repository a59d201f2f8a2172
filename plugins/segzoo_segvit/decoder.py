"""SegViT: Semantic Segmentation with Plain Vision Transformers, arXiv:2210.05844.

B         batch
C_i       channels of map i
D         channels of the queries
K         classes
H_i, W_i  size of map i, fine to coarse; of a plain transformer they are all the same
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le, MultipleOf
from torch import Tensor, nn

import segzoo
from segzoo.nn import resize
from segzoo.options import Count, Dropout
from segzoo_segvit.attention_to_mask import HEAD_WIDTH, AttentionToMask

WIDEST = 512
"""Of the queries where no width is given: the paper's for ViT-Large."""


class SegViTDecoder(segzoo.Decoder):
    """A query per class attends to the deepest map, then to the one before it, and so on: its scores are its mask.

    Each class has one mask, the sum over maps, and a probability of being in the image at all. It answers semantic
    segmentation alone. The paper's ViT-Base gives its blocks 6, 8 and 12; here they are the encoder's own choice.

    Written from the paper. What it leaves open is plain here: the queries start with unit variance and have no
    positions apart, nor have patches, whose encoder knows them. An earlier prediction is the sum of masks so far, by
    the same classifier. A pyramid's maps keep their sizes, and masks are summed at the finest.

    :param classes: how many; as many as queries.
    :param width: channels of the queries, a multiple of 32; if None half of the widest map's, as in the paper, rounded
        to the next multiple and at most 512.
    :param maps: how many are attended to, the deepest ones.
    :param layers: of attention to each map.
    :param dropout: in attention and MLPs.
    """

    emits = "queries"
    tasks = ("semantic",)
    mask_loss: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"class_weight": 1.0, "terms": {"focal": 20.0, "dice": 1.0}, "points": None, "matching": "fixed"}
    )
    finest_stride = 4
    role = "attention"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        width: Annotated[int, MultipleOf(HEAD_WIDTH), Ge(HEAD_WIDTH), Le(65536)] | None = None,
        layers: Count = 3,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(stages, out_channels=classes)
        if width is None:
            width = min(WIDEST, HEAD_WIDTH * -(-max(stages.channels) // (2 * HEAD_WIDTH)))
        self.class_queries = nn.Parameter(torch.randn(1, classes, width))
        self.attention = nn.ModuleList(
            AttentionToMask(channels, width, layers, dropout) for channels in reversed(stages.channels)
        )
        self.classify = nn.Linear(width, classes + 1)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, maps: Count = 3, **options: Any) -> segzoo.Selection:
        """The deepest maps from stride 4 on, as they are."""
        selection = super().negotiate(offer)
        taken = selection.stages[-maps:]
        notes = ("segvit: made for a transformer of one resolution; the masks are summed at the finest of a pyramid",)
        return replace(
            selection,
            stages=taken,
            roles=selection.roles[-maps:],
            notes=notes if offer.strides[taken[0]] < offer.strides[taken[-1]] else (),
        )

    def forward(self, features: list[Tensor]) -> segzoo.Queries:
        """(B, C_i, H_i, W_i) each to masks (B, K, H_0, W_0) and classes (B, K, K + 1)."""
        finest = features[0]
        queries = self.class_queries.expand(finest.shape[0], -1, -1)
        predictions: list[tuple[Tensor, Tensor]] = []
        masks = None
        for attend, feature in zip(self.attention, reversed(features), strict=True):
            if self.training and masks is not None:
                predictions.append((masks, self.classify(queries)))
            queries, scores = attend(queries, feature)
            found = resize(scores, finest.shape[-2:])
            masks = found if masks is None else masks + found
        assert masks is not None
        return segzoo.Queries(masks, self.classify(queries), tuple(predictions))

    def no_weight_decay(self) -> set[str]:
        return {"class_queries"}
