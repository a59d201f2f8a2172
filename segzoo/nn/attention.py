"""Attention of queries to keys, arXiv:1706.03762, section 3.2, and within masks, arXiv:2112.01527, section 3.2.1.

B     batch
Q     queries
N     keys and values
D     width
C     channels of keys and values, D if not said
V     channels of values, where they differ
h, w  size of a map
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn.resize import resize


class Attention(nn.Module):
    """Attention with several heads: (B, Q, D), (B, N, C), (B, N, C) to (B, Q, D).

    Queries, keys and values come apart, so that positions can be added to queries and keys alone, as DETR does::

        attend(queries + query_positions, keys + key_positions, keys)

    :param width: a multiple of `heads`.
    :param dropout: of the attention, in training.
    :param key_width: channels of keys and values; the width if None.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0, key_width: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.key, self.value = (nn.Linear(key_width or width, width) for _ in range(2))
        self.output = nn.Linear(width, width)
        for projection in (self.query, self.key, self.value):
            nn.init.xavier_uniform_(projection.weight, gain=2**-0.5)  # as if the three were one matrix
        nn.init.xavier_uniform_(self.output.weight)
        for projection in (self.query, self.key, self.value, self.output):
            nn.init.zeros_(projection.bias)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend.

        :param mask: (B, Q, N) bool: which keys a query may attend to, at least one of them; None for all.
        """
        query, key, value = (
            each.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for each in (self.query(queries), self.key(keys), self.value(values))
        )
        dropout = self.dropout if self.training else 0.0
        allowed = None if mask is None else mask[:, None]
        attended = F.scaled_dot_product_attention(query, key, value, allowed, dropout)
        return self.output(attended.transpose(1, 2).flatten(2))


def pixel_attention(query: Tensor, key: Tensor, value: Tensor, scale: float | None = None) -> Tensor:
    """Each pixel of a map attends to the cells of another, or of the same one.

    :param query: (B, D, h, w).
    :param key: (B, D, ...), one vector per cell, in any arrangement.
    :param value: (B, V, ...), in the same arrangement.
    :param scale: of the products of query and key; one over the root of D if None.
    :returns: (B, V, h, w).
    """
    queries, keys, values = (
        each.flatten(2).transpose(-2, -1).contiguous()[:, None]  # one head: ONNX has no attention without that axis
        for each in (query, key, value)
    )
    attended = F.scaled_dot_product_attention(queries, keys, values, scale=scale)
    return attended[:, 0].transpose(-2, -1).unflatten(2, query.shape[-2:])


def attention_mask(mask_logits: Tensor, size: Sequence[int]) -> Tensor:
    """Which cells of a map a query may attend to: those within the mask that it predicts so far.

    A query whose mask is empty may attend to all.

    :param mask_logits: (B, Q, h, w).
    :param size: (height, width) of the map.
    :returns: (B, Q, height * width) bool, through which no gradient flows.
    """
    within = resize(mask_logits.detach(), size).flatten(2) >= 0
    return within | ~within.any(dim=-1, keepdim=True)
