"""Attention to mask, arXiv:2210.05844, section 3.2: the scores of cross-attention are masks.

B     batch
C, D  channels of the map, of the queries
K     classes, a query each
h     heads
d     channels of a head
N     cells of the map, H times W
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from segzoo.nn import MLP, Attention

HEAD_WIDTH = 32
"""Channels of an attention head: the paper's ViT-Base has 12 of them, ViT-Large 16."""
EXPANSION = 4


class AttentionToMask(nn.Module):
    """Queries attend to a map in layers, and the last layer's scores, averaged over heads, are their masks.

    :param channels: of the map.
    :param width: of the queries, a multiple of 32.
    """

    def __init__(self, channels: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(channels, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(width, dropout) for _ in range(layers))

    def forward(self, queries: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, D) and a map (B, C, H, W) to queries (B, K, D) and mask logits (B, K, H, W)."""
        cells = self.norm(self.project(features.flatten(2).transpose(1, 2)))
        *earlier, last = self.layers
        for layer in earlier:
            queries, _ = layer(queries, cells)
        queries, scores = last(queries, cells)
        return queries, scores.mean(dim=1).unflatten(-1, features.shape[-2:])


class Layer(nn.Module):
    """Queries attend to each other, then to the cells, then an MLP; a norm after each."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.attend_queries = Attention(width, width // HEAD_WIDTH, dropout)
        self.norm1 = nn.LayerNorm(width)
        self.attend_cells = ScoredAttention(width, width // HEAD_WIDTH, dropout)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, EXPANSION * width, width, layers=2)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        for weight in self.mlp.parameters():
            if weight.ndim > 1:
                nn.init.xavier_uniform_(weight)

    def forward(self, queries: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, D) and (B, N, D) to queries (B, K, D) and scores (B, h, K, N)."""
        queries = self.norm1(queries + self.dropout(self.attend_queries(queries, queries, queries)))
        attended, scores = self.attend_cells(queries, cells)
        queries = self.norm2(queries + self.dropout(attended))
        return self.norm3(queries + self.dropout(self.mlp(queries))), scores


class ScoredAttention(nn.Module):
    """Attention that tells its scores too, as they are before the softmax."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.dropout = nn.Dropout(dropout)
        for projection in (self.query, self.key, self.value, self.output):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(self, queries: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, D) and (B, N, D) to (B, K, D) and scores (B, h, K, N)."""
        query, key, value = (
            each.unflatten(-1, (self.heads, -1)) for each in (self.query(queries), self.key(cells), self.value(cells))
        )
        scores = torch.einsum("bkhd,bnhd->bhkn", query * query.shape[-1] ** -0.5, key)
        attended = torch.einsum("bhkn,bnhd->bkhd", self.dropout(scores.softmax(dim=-1)), value)
        return self.output(attended.flatten(2)), scores
