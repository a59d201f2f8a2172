"""The transformer of PEM, arXiv:2402.19422: queries that look at prototypes of what is within their masks.

B         batch
C, D      channels of the levels; of queries and pixel features
K         classes
Q         queries
h_l, w_l  size of level l, coarse to fine
N_l       its cells
H, W      size of the pixel features
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import MLP, Attention, attention_mask, resize, sine_positions
from segzoo_pem.prototypes import HEADS, PrototypeAttention


class Transformer(nn.Module):
    """Queries look at one level after another, and predict the masks anew after each layer, as in Mask2Former.

    :param channels: of the levels.
    :param width: of the queries, a multiple of 8.
    :param levels: how many there are.
    :param hidden: width of the MLPs.
    """

    def __init__(
        self, classes: int, channels: int, width: int, queries: int, layers: int, levels: int, hidden: int
    ) -> None:
        super().__init__()
        self.width = width
        self.project = nn.ModuleList(nn.Conv2d(channels, width, 1) for _ in range(levels))
        self.level_embeds = nn.Parameter(torch.randn(levels, width, 1, 1))
        self.queries = nn.Parameter(torch.randn(1, queries, width))
        self.query_positions = nn.Parameter(torch.randn(1, queries, width))
        self.layers = nn.ModuleList(Layer(width, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, classes + 1)
        self.embed_masks = MLP(width, width, width)

    def forward(self, levels: Sequence[Tensor], pixels: Tensor) -> segzoo.Queries:
        """Predict.

        :param levels: (B, C, h_l, w_l) each, coarse to fine.
        :param pixels: what masks are made of, (B, D, H, W).
        :returns: masks (B, Q, H, W) and classes (B, Q, K + 1); in training those before each layer too.
        """
        projected = [project(level) for project, level in zip(self.project, levels, strict=True)]
        levels = [
            level + embed + sine_positions(level, self.width)
            for level, embed in zip(projected, self.level_embeds, strict=True)
        ]
        sizes = [level.shape[-2:] for level in levels]
        small_pixels = [resize(pixels, size) for size in sizes]
        queries = self.queries.expand(pixels.shape[0], -1, -1)
        earlier = []
        for number, layer in enumerate(self.layers):
            level = number % len(levels)
            normed = self.norm(queries)
            embeddings = self.embed_masks(normed)
            if self.training:
                earlier.append((_masks(embeddings, pixels), self.classify(normed)))
            mask = attention_mask(_masks(embeddings, small_pixels[level]), sizes[level])
            queries = layer(queries, self.query_positions, levels[level], mask)
        normed = self.norm(queries)
        return segzoo.Queries(_masks(self.embed_masks(normed), pixels), self.classify(normed), tuple(earlier))


class Layer(nn.Module):
    """Queries look at a level's prototypes, then attend to each other, then an MLP; a norm before each: (B, Q, D)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attend_prototypes = PrototypeAttention(width)
        self.norm2 = nn.LayerNorm(width)
        self.attend_queries = Attention(width, HEADS)
        self.norm3 = nn.LayerNorm(width)
        self.mlp = MLP(width, hidden, width, layers=2)
        for weight in self.mlp.parameters():
            if weight.ndim > 1:
                nn.init.xavier_uniform_(weight)

    def forward(self, queries: Tensor, positions: Tensor, level: Tensor, mask: Tensor) -> Tensor:
        """Attend.

        :param queries: (B, Q, D).
        :param positions: of the queries, (1, Q, D).
        :param level: (B, D, h_l, w_l).
        :param mask: (B, Q, N_l) bool: which cells may be a query's prototype, at least one of them.
        """
        queries = queries + self.attend_prototypes(self.norm1(queries) + positions, level, mask)
        normed = self.norm2(queries)
        placed = normed + positions
        queries = queries + self.attend_queries(placed, placed, normed)
        return queries + self.mlp(self.norm3(queries))


def _masks(embeddings: Tensor, pixels: Tensor) -> Tensor:
    """(B, Q, D) and (B, D, H, W) to (B, Q, H, W)."""
    return torch.einsum("bqd,bdhw->bqhw", embeddings, pixels)
