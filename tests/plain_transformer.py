"""A plain transformer whose last blocks a decoder may drive, and a decoder that does, as small as can be."""

from typing import Any

import torch
from torch import Tensor, nn

import segzoo

WIDTH, DEPTH, QUERIES = 16, 3, 5


class PlainTransformer(segzoo.TokenEncoder):
    """Three blocks on patches of 16 pixels, with a class token, at any size."""

    prefix = 1

    def __init__(self, in_channels: int = 3) -> None:
        spec = segzoo.FeatureSpec((in_channels, 0, 0, 0, WIDTH), (1, 2, 4, 8, 16), blocks=DEPTH)
        super().__init__(spec, segzoo.InputSpec(multiple=16))
        self.patches = nn.Conv2d(in_channels, WIDTH, 16, 16)
        self.class_token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, 2, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True)
            for _ in range(DEPTH)
        )
        self.final_norm = nn.LayerNorm(WIDTH)

    def embed(self, image: Tensor) -> tuple[Tensor, tuple[int, int], Any]:
        patches = self.patches(image)
        tokens = patches.flatten(2).transpose(1, 2)
        return torch.cat([self.class_token.expand(image.shape[0], -1, -1), tokens], dim=1), patches.shape[-2:], None

    def block(self, number: int, tokens: Tensor, context: Any, mask: Tensor | None = None) -> Tensor:
        return self.blocks[number](tokens)

    def norm(self, tokens: Tensor) -> Tensor:
        return self.final_norm(tokens)

    def forward(self, image: Tensor) -> list[Tensor]:
        tokens, grid, context = self.embed(image)
        for number in range(DEPTH):
            tokens = self.block(number, tokens, context)
        return self.complete(image, {4: tokens[:, self.prefix :].transpose(1, 2).unflatten(2, grid)})


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
