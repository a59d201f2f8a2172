"""The transformer of Mask2Former, arXiv:2112.01527, section 3.2: queries that attend within the masks they predict.

B         batch
D         channels of levels, pixel features and queries
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

HEADS = 8


class Transformer(nn.Module):
    """Queries gather what is within their masks, a level at a time, and predict the masks anew after each layer.

    :param width: a multiple of 8.
    :param levels: how many there are.
    :param hidden: width of the MLPs.
    """

    def __init__(
        self, classes: int, width: int, queries: int, layers: int, levels: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.width = width
        self.queries = nn.Parameter(torch.randn(1, queries, width))
        self.query_positions = nn.Parameter(torch.randn(1, queries, width))
        self.level_embeds = nn.Parameter(torch.randn(levels, width, 1, 1))
        self.layers = nn.ModuleList(MaskedLayer(width, hidden, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, classes + 1)
        self.embed_masks = MLP(width, width, width)

    def forward(self, levels: Sequence[Tensor], pixels: Tensor) -> segzoo.Queries:
        """Predict.

        :param levels: (B, D, h_l, w_l) each, coarse to fine.
        :param pixels: what masks are made of, (B, D, H, W).
        :returns: masks (B, Q, H, W) and classes (B, Q, K + 1); in training those before each layer too.
        """
        sizes = [level.shape[-2:] for level in levels]
        values = [_cells(level + embed) for level, embed in zip(levels, self.level_embeds, strict=True)]
        keys = [value + _cells(sine_positions(level, self.width)) for value, level in zip(values, levels, strict=True)]
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
            queries = layer(queries, self.query_positions, keys[level], values[level], mask)
        normed = self.norm(queries)
        return segzoo.Queries(_masks(self.embed_masks(normed), pixels), self.classify(normed), tuple(earlier))


class MaskedLayer(nn.Module):
    """Queries attend to cells within their masks, then to each other, then an MLP; a norm after each: (B, Q, D)."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attend_cells = Attention(width, HEADS, dropout)
        self.norm1 = nn.LayerNorm(width)
        self.attend_queries = Attention(width, HEADS, dropout)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, hidden, width, layers=2)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        for weight in self.mlp.parameters():
            if weight.ndim > 1:
                nn.init.xavier_uniform_(weight)

    def forward(self, queries: Tensor, positions: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Attend.

        :param queries: (B, Q, D).
        :param positions: of the queries, (1, Q, D).
        :param keys: (B, N_l, D); likewise `values`.
        :param mask: (B, Q, N_l) bool: which cells a query may attend to.
        """
        attended = self.attend_cells(queries + positions, keys, values, mask)
        queries = self.norm1(queries + self.dropout(attended))
        placed = queries + positions
        queries = self.norm2(queries + self.dropout(self.attend_queries(placed, placed, queries)))
        return self.norm3(queries + self.dropout(self.mlp(queries)))


def _cells(level: Tensor) -> Tensor:
    """(B, D, h_l, w_l) as (B, N_l, D)."""
    return level.flatten(2).transpose(1, 2)


def _masks(embeddings: Tensor, pixels: Tensor) -> Tensor:
    """(B, Q, D) and (B, D, H, W) to (B, Q, H, W)."""
    return torch.einsum("bqd,bdhw->bqhw", embeddings, pixels)
