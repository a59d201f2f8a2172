"""Queries that go through transformer blocks together with the patches: what EoMT and PMD have in common.

B  batch
D  width of a token
K  classes
P  prefix tokens
Q  queries
T  tokens: the queries, the prefix, and the patches, h times w
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

import segzoo
from segzoo_eomt.heads import QueryHeads
from segzoo_eomt.masking import attention_mask, masking_probabilities

QueryCount = Annotated[int, Ge(1), Le(4096)]
Block = Callable[[Tensor, "Tensor | None"], Tensor]
"""A transformer block: (B, T, D) and what may attend to what, to (B, T, D)."""


class JoinedQueries(segzoo.Decoder):
    """Base of the two.

    In training each block is preceded by a prediction, within whose masks the queries attend; in eval mode there is one
    prediction, at the end, and nothing is masked, however far the training got.

    :param width: of a token.
    :param stride: of the patches.
    :param blocks: how many the queries go through.
    """

    emits = "queries"

    probabilities: Tensor
    """That a query is masked in training, for each block."""

    def __init__(
        self, stages: segzoo.FeatureSpec, classes: int, queries: int, width: int, stride: int, blocks: int
    ) -> None:
        super().__init__(stages, out_channels=classes)
        self.queries = nn.Parameter(torch.empty(queries, width))
        self.heads = QueryHeads(width, stride, classes)
        self.register_buffer("probabilities", torch.ones(blocks), persistent=False)
        nn.init.normal_(self.queries)

    def anneal(self, progress: float) -> None:
        likely = masking_probabilities(progress, self.probabilities.shape[0])
        self.probabilities.copy_(self.probabilities.new_tensor(likely))

    def no_weight_decay(self) -> set[str]:
        return {"queries"}

    def join(
        self,
        tokens: Tensor,
        prefix: int,
        grid: Sequence[int],
        blocks: Iterable[Block],
        norm: Callable[[Tensor], Tensor],
    ) -> segzoo.Queries:
        """Tokens (B, P + h * w, D) to masks (B, Q, h', w') and classes (B, Q, K + 1).

        :param norm: before each prediction.
        """
        count = self.queries.shape[0]

        def predict(tokens: Tensor) -> tuple[Tensor, Tensor]:
            tokens = norm(tokens)
            return self.heads(tokens[:, :count], tokens[:, count + prefix :], grid)

        earlier = []
        tokens = torch.cat([self.queries.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        for number, block in enumerate(blocks):
            mask = None
            if self.training:
                earlier.append(predict(tokens))
                mask = attention_mask(earlier[-1][0], self.probabilities[number], grid, prefix)
            tokens = block(tokens, mask)
        return segzoo.Queries(*predict(tokens), tuple(earlier))
