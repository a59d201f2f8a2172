"""The transformer of MaskFormer, arXiv:2107.06278, section 4.1: the decoder of DETR, arXiv:2005.12872.

B     batch
C, D  channels of the deepest map, of pixel features and queries
K     classes
Q     queries
N     cells of the deepest map, h times w
h, w  its size
H, W  size of the pixel features
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import MLP, Attention, sine_positions

HEADS = 8


class Transformer(nn.Module):
    """Queries that start empty attend to each other and to all cells; each predicts a class and a mask.

    :param channels: of the map that they attend to; where they are `width` already, it is taken as it is.
    :param width: a multiple of 8.
    :param hidden: width of the MLPs.
    """

    def __init__(
        self, channels: int, classes: int, width: int, queries: int, layers: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.width = width
        self.project = nn.Identity() if channels == width else nn.Conv2d(channels, width, 1)
        self.query_positions = nn.Parameter(torch.randn(1, queries, width))
        self.layers = nn.ModuleList(Layer(width, hidden, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, classes + 1)
        self.embed_masks = MLP(width, width, width)
        if isinstance(self.project, nn.Conv2d) and self.project.bias is not None:
            nn.init.kaiming_uniform_(self.project.weight, a=1)
            nn.init.zeros_(self.project.bias)

    def forward(self, deepest: Tensor, pixels: Tensor) -> segzoo.Queries:
        """Predict.

        :param deepest: the map to attend to, (B, C, h, w).
        :param pixels: what masks are made of, (B, D, H, W).
        :returns: masks (B, Q, H, W) and classes (B, Q, K + 1); in training those of each earlier layer too.
        """
        projected = self.project(deepest)
        values = _cells(projected)
        keys = values + _cells(sine_positions(projected, self.width))
        queries = torch.zeros_like(self.query_positions).expand(pixels.shape[0], -1, -1)
        earlier = []
        for number, layer in enumerate(self.layers):
            if self.training and number > 0:
                earlier.append(self._predict(queries, pixels))
            queries = layer(queries, self.query_positions, keys, values)
        return segzoo.Queries(*self._predict(queries, pixels), tuple(earlier))

    def _predict(self, queries: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
        normed = self.norm(queries)
        return torch.einsum("bqd,bdhw->bqhw", self.embed_masks(normed), pixels), self.classify(normed)


class Layer(nn.Module):
    """Queries attend to each other, then to the cells, then an MLP; a norm after each: (B, Q, D) to the same."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attend_queries = Attention(width, HEADS)
        self.norm1 = nn.LayerNorm(width)
        self.attend_cells = Attention(width, HEADS)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, hidden, width, layers=2)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        for weight in self.mlp.parameters():
            if weight.ndim > 1:
                nn.init.xavier_uniform_(weight)

    def forward(self, queries: Tensor, positions: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend.

        :param queries: (B, Q, D).
        :param positions: of the queries, (1, Q, D).
        :param keys: (B, N, D); likewise `values`.
        """
        placed = queries + positions
        queries = self.norm1(queries + self.dropout(self.attend_queries(placed, placed, queries)))
        attended = self.attend_cells(queries + positions, keys, values)
        queries = self.norm2(queries + self.dropout(attended))
        return self.norm3(queries + self.dropout(self.mlp(queries)))


def _cells(level: Tensor) -> Tensor:
    """(B, D, h, w) as (B, N, D)."""
    return level.flatten(2).transpose(1, 2)
