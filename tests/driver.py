"""A decoder that drives the last blocks of a plain transformer, as small as can be, and one that lets it."""

from typing import Any

import torch
from torch import nn

import segzoo
from segzoo.testing.catalogue import Pattern
from segzoo.testing.transformer import SyntheticTransformer

DEPTH, QUERIES = 3, 5


def plain_transformer() -> segzoo.TokenEncoder:
    """Three blocks on whole patches of 16 pixels."""
    return SyntheticTransformer(Pattern.of(16, blocks=DEPTH).spec, input_spec=segzoo.InputSpec(multiple=16))


class Driver(segzoo.Decoder):
    """Puts queries into the last two blocks; their products with the patches are the masks."""

    emits = "queries"

    def __init__(self, stages: segzoo.FeatureSpec, classes: int) -> None:
        super().__init__(stages, out_channels=classes)
        (width,) = stages.channels
        self.queries = nn.Parameter(torch.randn(1, QUERIES, width))
        self.classify = nn.Linear(width, classes + 1)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        if offer.blocks < 2:
            raise segzoo.NegotiationError(f"{cls.__name__} drives two blocks, and the encoder lets it drive none")
        return segzoo.Selection(stages=offer.native[-1:], tokens=2)

    def forward(self, features: segzoo.Tokens) -> segzoo.Queries:
        tokens = features.tokens
        tokens = torch.cat([self.queries.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        for number in features.remaining:
            tokens = features.block(number, tokens)
        tokens = features.norm(tokens)
        queries, patches = tokens[:, :QUERIES], tokens[:, QUERIES + features.prefix :]
        masks = torch.einsum("bqc,bpc->bqp", queries, patches).unflatten(2, features.grid)
        return segzoo.Queries(masks, self.classify(queries))
