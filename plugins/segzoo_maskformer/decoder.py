"""Per-Pixel Classification is Not All You Need for Semantic Segmentation, arXiv:2107.06278: MaskFormer.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the pyramid and of the queries
K         classes
Q         queries
H_i, W_i  size of map i
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, MultipleOf
from torch import Tensor

import segzoo
from segzoo.options import Count, Dropout, Width
from segzoo_maskformer.pixel_decoder import PixelDecoder
from segzoo_maskformer.transformer import Transformer


class MaskFormerDecoder(segzoo.Decoder):
    """Queries attend to the deepest map in DETR's transformer; a mask is a query's product with a feature pyramid.

    The masks have the stride of the finest map.

    :param width: channels of the pyramid and of the queries.
    :param queries: the most segments that an image can be told to have.
    :param layers: of the transformer.
    :param hidden: width of its MLPs.
    :param dropout: in it.
    """

    emits = "queries"
    mask_loss: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"class_weight": 1.0, "terms": {"focal": 20.0, "dice": 1.0}, "points": None}
    )
    finest_stride = 4
    pyramid = True
    role = "lateral"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        width: Annotated[int, MultipleOf(32), Ge(64), Le(65536)] = 256,
        queries: Annotated[int, Ge(1), Le(4096)] = 100,
        layers: Count = 6,
        hidden: Width = 2048,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(stages, out_channels=classes)
        self.pixel_decoder = PixelDecoder(stages.channels, width)
        self.transformer = Transformer(stages.channels[-1], classes, width, queries, layers, hidden, dropout)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """All maps from stride 4 on; the queries attend to the deepest."""
        selection = super().negotiate(offer)
        return replace(selection, roles=(*selection.roles[:-1], "attention"))

    def forward(self, features: list[Tensor]) -> segzoo.Queries:
        """(B, C_i, H_i, W_i) each to masks (B, Q, H_0, W_0) and classes (B, Q, K + 1)."""
        return self.transformer(features[-1], self.pixel_decoder(features))

    def no_weight_decay(self) -> set[str]:
        return {"transformer.query_positions"}
