"""Prototype-based masked cross-attention, arXiv:2402.19422: of all cells in its mask a query takes the one most alike.

B     batch
D     width
h     heads
d     channels of a head
Q     queries
N     cells of the level, H times W
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn import BatchNorm2d

HEADS = 8


class PrototypeAttention(nn.Module):
    """Each query's prototype, in each head, and how it agrees with the query.

    Keys and queries have unit length over all heads. There is no softmax: what a query and its prototypes have in
    common is normalised among the queries, weighed for each channel, and added to the prototypes.

    :param width: a multiple of 8.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = BatchNorm2d(width)
        self.mix = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.query, self.key, self.agree, self.output = (nn.Linear(width, width) for _ in range(4))
        self.weight = nn.Parameter(torch.ones(width))
        for projection in (self.query, self.key, self.agree, self.output):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(self, queries: Tensor, level: Tensor, mask: Tensor) -> Tensor:
        """Look.

        :param queries: (B, Q, D).
        :param level: (B, D, H, W).
        :param mask: (B, Q, N) bool: which cells may be a query's prototype, at least one of them.
        :returns: (B, Q, D).
        """
        cells = self.mix(self.norm(level)).flatten(2).transpose(1, 2)
        keys = F.normalize(self.key(cells), dim=-1)
        queries = F.normalize(self.query(queries), dim=-1)
        prototypes = nearest(queries, keys, mask)
        agreement = F.normalize(self.agree(queries * prototypes), dim=1)
        return self.output(agreement * self.weight + prototypes)


def nearest(queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """In each head the allowed key whose product with the query is the largest.

    :param queries: (B, Q, D).
    :param keys: (B, N, D).
    :param mask: (B, Q, N) bool.
    :returns: (B, Q, D), the heads' choices side by side.
    """
    query, key = (each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in (queries, keys))  # (B, h, ..., d)
    likeness = query.detach() @ key.detach().transpose(-2, -1)  # a choice has no gradient
    best = likeness.masked_fill(~mask[:, None], -torch.inf).argmax(dim=-1, keepdim=True)
    chosen = key.gather(2, best.expand(-1, -1, -1, key.shape[-1]))
    return chosen.transpose(1, 2).flatten(2)
