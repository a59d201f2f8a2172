"""The multi-scale feature extractor of ViT-Adapter, arXiv:2205.08534, section 3.5.

B         batch
D         channels
N         tokens: the cells of the levels, one level after the other
H_i, W_i  size of level i
h, w      size of the transformer's map
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segzoo.nn import DeformableAttention

REDUCTION = 4
"""How many times fewer channels the feed-forward has than the tokens."""


class Extractor(nn.Module):
    """Tokens look for what they lack in a transformer's map, by deformable attention; a feed-forward follows.

    :param width: D.
    :param heads: of the attention, which share out D.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.query_norm, self.value_norm, self.feed_norm = (nn.LayerNorm(width, eps=1e-6) for _ in range(3))
        self.attend = DeformableAttention(width, heads, levels=1)
        self.feed = ConvFeedForward(width, max(1, width // REDUCTION))

    def forward(self, tokens: Tensor, centres: Tensor, sizes: Sequence[torch.Size], extracted: Tensor) -> Tensor:
        """Extract.

        :param tokens: (B, N, D).
        :param centres: (1, N, 2): where each token stands, x and y as fractions of the image.
        :param sizes: (H_i, W_i) of each level.
        :param extracted: the transformer's map, (B, D, h, w).
        :returns: (B, N, D).
        """
        values = self.value_norm(extracted.flatten(2).transpose(1, 2))
        tokens = tokens + self.attend(self.query_norm(tokens), centres, values, [extracted.shape[-2:]])
        return tokens + self.feed(self.feed_norm(tokens), sizes)


class ConvFeedForward(nn.Module):
    """Linear layer, depthwise 3x3 convolution within each level, GELU, linear layer: (B, N, D) to the same."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(width, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.act = nn.GELU()
        self.restore = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor, sizes: Sequence[torch.Size]) -> Tensor:
        levels = [self.depthwise(level) for level in as_maps(self.reduce(tokens), sizes)]
        return self.restore(self.act(as_tokens(levels)))


def as_tokens(levels: Sequence[Tensor]) -> Tensor:
    """Levels (B, D, H_i, W_i) to tokens (B, N, D)."""
    return torch.cat([level.flatten(2) for level in levels], dim=2).transpose(1, 2)


def as_maps(tokens: Tensor, sizes: Sequence[torch.Size]) -> list[Tensor]:
    """Tokens (B, N, D) to levels (B, D, H_i, W_i)."""
    levels = tokens.transpose(1, 2).split([height * width for height, width in sizes], dim=2)
    return [level.unflatten(2, size) for level, size in zip(levels, sizes, strict=True)]
