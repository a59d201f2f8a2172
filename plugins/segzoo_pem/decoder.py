"""PEM: Prototype-based Efficient MaskFormer for Image Segmentation, arXiv:2402.19422.

B         batch
C_i       channels of map i, fine to coarse
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
from segzoo.options import Count, Width
from segzoo_pem.pixel_decoder import PixelDecoder
from segzoo_pem.transformer import Transformer

MASK_STRIDE = 4
"""Of the paper's masks."""


class PEMDecoder(segzoo.Decoder):
    """Mask2Former made light: convolutions in the pixel decoder, and in cross-attention a single pixel for each query.

    The masks have the stride of the finest map. The queries look at the coarser maps, three in the paper, as many as
    there are here; of a single map, at that one.

    Written from the paper. What it leaves open is plain here: levels and positions are embedded as Mask2Former's; a
    norm precedes each part of a layer, and positions are added after it; a map's context goes through half its
    channels; what is grown to twice its size is resized where the finer map isn't of that.

    :param width: channels of the queries and of what masks are made of.
    :param pixel_width: channels of the pixel decoder.
    :param queries: the most segments that an image can be told to have.
    :param layers: of the transformer, each on one level, coarse to fine and again from the coarsest.
    :param hidden: width of the transformer's MLPs.
    """

    emits = "queries"
    finest_stride = MASK_STRIDE
    pyramid = True

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        width: Annotated[int, MultipleOf(32), Ge(32), Le(65536)] = 256,
        pixel_width: Width = 128,
        queries: Annotated[int, Ge(1), Le(4096)] = 100,
        layers: Count = 6,
        hidden: Width = 2048,
    ) -> None:
        super().__init__(stages, out_channels=classes)
        self.pixel_decoder = PixelDecoder(stages.channels, pixel_width, width)
        levels = max(1, len(stages) - 1)
        self.transformer = Transformer(classes, pixel_width, width, queries, layers, levels, hidden)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """All maps from stride 4 on: the finest for the masks, the others for the queries to look at."""
        selection = super().negotiate(offer)
        _, *coarser = selection.stages
        stride = offer.strides[selection.stages[0]]
        notes = (f"pem: the masks have stride {stride}, the paper's have {MASK_STRIDE}",)
        return replace(
            selection,
            roles=("masks", *["prototypes"] * len(coarser)) if coarser else ("masks and prototypes",),
            notes=notes if stride > MASK_STRIDE else (),
        )

    def forward(self, features: list[Tensor]) -> segzoo.Queries:
        """(B, C_i, H_i, W_i) each to masks (B, Q, H_0, W_0) and classes (B, Q, K + 1)."""
        levels, pixels = self.pixel_decoder(features)
        return self.transformer(levels, pixels)

    def no_weight_decay(self) -> set[str]:
        return {"transformer.queries", "transformer.query_positions", "transformer.level_embeds"}
