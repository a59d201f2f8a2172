"""A transformer block with its norms first, as Segmenter's and ViT's, arXiv:2010.11929, section 3.1.

B  batch
T  tokens
D  width
h  heads
"""

from __future__ import annotations

from einops import rearrange
from timm.layers import Mlp
from torch import Tensor, nn
from torch.nn import functional as F

EXPANSION = 4
EPSILON = 1e-6


class Block(nn.Module):
    """Attention among the tokens and an MLP on each, both with a shortcut: (B, T, D) to the same.

    :param width: a multiple of `heads`.
    :param dropout: in attention and MLP.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attn = SelfAttention(width, heads, dropout)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = Mlp(width, EXPANSION * width, drop=dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class SelfAttention(nn.Module):
    """Each token attends to all."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.proj_drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = rearrange(self.qkv(tokens), "B T (n h D) -> n B h T D", n=3, h=self.heads)
        dropout = self.dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        return self.proj_drop(self.proj(rearrange(attended, "B h T D -> B T (h D)")))
