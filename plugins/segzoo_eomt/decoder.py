"""Your ViT is Secretly an Image Segmentation Model, arXiv:2503.19108: the Encoder-only Mask Transformer, EoMT.

B     batch
D     width of the encoder's tokens
K     classes
Q     queries
h, w  size of the grid of patches
"""

from __future__ import annotations

from functools import partial
from typing import Any

import segzoo
from segzoo.options import Count
from segzoo_eomt.queries import JoinedQueries, QueryCount


class EoMTDecoder(JoinedQueries):
    """Queries join the tokens of a plain transformer in its last blocks; the blocks do what a decoder would.

    The encoder's own final norm precedes each prediction. In training a query attends to the patches within the mask
    that it predicts so far; this fades out block by block (`anneal`), so that in the end the transformer runs as it is.
    Before that end the paper's code validates with what masking there is left; here eval mode never masks.

    The masks have a quarter of the image's size where patches have 16 pixels, and a seventh where they have 14.

    :param queries: the most segments that an image can be told to have. The paper takes 100 for semantic segmentation
        and 200 for the other tasks.
    :param blocks: how many of the encoder's blocks the queries join; if None the paper's: 3 of ViT-S and -B, 4 of
        ViT-L, 5 of ViT-g, and for other depths as many as that suggests.
    """

    def __init__(
        self, stages: segzoo.FeatureSpec, classes: int, queries: QueryCount = 100, blocks: Count | None = None
    ) -> None:
        super().__init__(stages, classes, queries, stages.channels[-1], stages.strides[-1], blocks or 1)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """The encoder's last blocks.

        :raises NegotiationError: when it doesn't let so many be driven.
        """
        asked = options["blocks"]
        blocks = _blocks_of_the_paper(offer.blocks) if asked is None else asked
        if offer.blocks < blocks:
            has = f"{offer.blocks} blocks" if offer.blocks else "none: it is no plain transformer, or a neck follows it"
            raise segzoo.NegotiationError(
                f"eomt lets its queries join the last {blocks} block(s) of a plain transformer, and the encoder offers "
                f"{has}"
            )
        deepest = offer.native[-1]
        return segzoo.Selection(stages=(deepest,), tokens=blocks, roles=("tokens",), options={"blocks": blocks})

    def forward(self, features: segzoo.Tokens) -> segzoo.Queries:  # type: ignore[override]
        """Tokens (B, prefix + h * w, D) to masks (B, Q, h', w') and classes (B, Q, K + 1)."""
        blocks = [partial(features.block, number) for number in features.remaining]
        return self.join(features.tokens, features.prefix, features.grid, blocks, features.norm)


def _blocks_of_the_paper(depth: int) -> int:
    """3 of 12, 4 of 24, 5 of 40, and of others what follows from that."""
    return max(1, min(depth, 2 + depth // 12))
