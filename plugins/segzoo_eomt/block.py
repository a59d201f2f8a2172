"""A transformer block of DINOv3, arXiv:2508.10104, as PMD has it, arXiv:2603.25398: an MLP that isn't wider, a scale.

B  batch
D  width of a token
T  tokens
"""

from __future__ import annotations

from timm.layers import LayerScale
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn import MLP
from segzoo_eomt.positions import rotate

EPSILON = 1e-5
Positions = tuple[Tensor, Tensor]


class Block(nn.Module):
    """Attention among the tokens and an MLP on each, both scaled and with a shortcut: (B, T, D) to the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attn = RotaryAttention(width, heads)
        self.scale1 = LayerScale(width, init_values=1.0)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = MLP(width, width, width, layers=2, act="gelu")
        self.scale2 = LayerScale(width, init_values=1.0)

    def forward(self, tokens: Tensor, positions: Positions, mask: Tensor | None = None) -> Tensor:
        tokens = tokens + self.scale1(self.attn(self.norm1(tokens), positions, mask))
        return tokens + self.scale2(self.mlp(self.norm2(tokens)))


class RotaryAttention(nn.Module):
    """Each token attends to all, or to those that a mask allows; patches know their positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.value, self.output = (nn.Linear(width, width) for _ in range(3))
        self.key = nn.Linear(width, width, bias=False)

    def forward(self, tokens: Tensor, positions: Positions, mask: Tensor | None = None) -> Tensor:
        query, key, value = (
            each(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(rotate(query, positions), rotate(key, positions), value, mask)
        return self.output(attended.transpose(1, 2).flatten(2))
