"""Masked-attention Mask Transformer for Universal Image Segmentation, arXiv:2112.01527: Mask2Former.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the pixel decoder and of the queries
K         classes
Q         queries
H_i, W_i  size of map i
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from annotated_types import Ge, Le, MultipleOf
from torch import Tensor

import segzoo
from segzoo.options import Count, Dropout, Width
from segzoo_mask2former.pixel_decoder import PixelDecoder
from segzoo_mask2former.transformer import Transformer

MASK_STRIDE = 4
"""Of the paper's masks."""


class Mask2FormerDecoder(segzoo.Decoder):
    """A pixel decoder makes features of all strides; queries attend to them in turn, each within its own mask so far.

    The masks have the stride of the finest map. All coarser maps pass through deformable attention, three in the
    paper, as many as there are here; of a single map, that one does. The paper takes 200 queries for COCO on Swin-L.

    The masks by which the queries attend are predicted at the size of the map that they attend to: the pixel features
    are resized rather than each query's mask, which is the same, as both are linear.

    :param width: channels of the pixel decoder and of the queries.
    :param queries: the most segments that an image can be told to have.
    :param layers: of the transformer, each on one level, coarse to fine and again from the coarsest.
    :param encoder_layers: of deformable attention.
    :param hidden: width of the transformer's MLPs.
    :param encoder_hidden: width of the MLPs between deformable attention.
    :param dropout: in both.
    """

    emits = "queries"
    finest_stride = MASK_STRIDE
    pyramid = True

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        width: Annotated[int, MultipleOf(32), Ge(64), Le(65536)] = 256,
        queries: Annotated[int, Ge(1), Le(4096)] = 100,
        layers: Count = 9,
        encoder_layers: Count = 6,
        hidden: Width = 2048,
        encoder_hidden: Width = 1024,
        dropout: Dropout = 0.0,
    ) -> None:
        super().__init__(stages, out_channels=classes)
        finest, *coarser = stages.channels
        coarser = coarser or [finest]
        self.pixel_decoder = PixelDecoder(finest, coarser, width, encoder_layers, encoder_hidden, dropout)
        self.transformer = Transformer(classes, width, queries, layers, len(coarser), hidden, dropout)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """All maps from stride 4 on: the finest for the masks, the others for attention."""
        selection = super().negotiate(offer)
        _, *coarser = selection.stages
        stride = offer.strides[selection.stages[0]]
        notes = (f"mask2former: the masks have stride {stride}, the paper's have {MASK_STRIDE}",)
        return replace(
            selection,
            roles=("masks", *["attention"] * len(coarser)) if coarser else ("masks and attention",),
            notes=notes if stride > MASK_STRIDE else (),
        )

    def forward(self, features: list[Tensor]) -> segzoo.Queries:
        """(B, C_i, H_i, W_i) each to masks (B, Q, H_0, W_0) and classes (B, Q, K + 1)."""
        finest, *coarser = features
        levels, pixels = self.pixel_decoder(finest, coarser or [finest])
        return self.transformer(levels, pixels)

    def no_weight_decay(self) -> set[str]:
        return {"transformer.queries", "transformer.query_positions", "transformer.level_embeds"}
