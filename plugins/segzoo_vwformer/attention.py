"""Varying window attention, arXiv:2404.16573, section 3.

B     batch
C     channels
P     pixels per side of a query window
R     how many times as wide the context window is
Y, X  windows from top to bottom, from left to right
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn import BatchNorm2d


class VaryingWindowAttention(nn.Module):
    """Each window of P x P pixels attends to the window of RP x RP around it, at the cost of attending to itself.

    The context is embedded by a convolution with an R x R kernel at every pixel, to 1/R² of the channels, and blocks of
    R x R pixels are then one token: P x P tokens of the full width again. A context window that would reach beyond the
    map is shifted inside, so that no query attends to padding; a map smaller than the window is repeated.

    :param channels: a multiple of `heads` and of `ratio**2`.
    :param window: P.
    :param ratio: R.
    """

    def __init__(self, channels: int, heads: int, window: int, ratio: int) -> None:
        super().__init__()
        self.window = window
        self.ratio = ratio
        self.embed = nn.Sequential(
            nn.ZeroPad2d(((ratio - 1) // 2, ratio // 2) * 2),  # keeps the size, for even kernels too
            nn.Conv2d(channels, channels // ratio**2, ratio, bias=False),
            BatchNorm2d(channels // ratio**2),
            nn.ReLU(),
        )
        self.attention = CrossAttention(channels, heads)

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[-2:]
        query = gather(features, self._windows(height, features), self._windows(width, features))
        query = rearrange(query, "B C Y P X Q -> B Y X P Q C").contiguous()
        context = gather(self.embed(features), self._contexts(height, features), self._contexts(width, features))
        context = context.unflatten(-1, (self.window, self.ratio)).unflatten(3, (self.window, self.ratio))
        context = rearrange(context, "B C Y P R X Q S -> B Y X P Q R S C").flatten(5).contiguous()
        batch, rows, columns = query.shape[:3]
        tokens, channels = self.window**2, query.shape[-1]
        query, context = (each.reshape(-1, tokens, channels) for each in (query, context))
        attended = self.attention(query, context)
        attended = attended.view(batch, rows, columns, self.window, self.window, channels)
        attended = rearrange(attended, "B Y X P Q C -> B C Y P X Q").contiguous()
        row, column = (torch.arange(length, device=features.device) for length in (height, width))
        attended = attended[..., column // self.window, column % self.window]
        return attended[:, :, row // self.window, row % self.window]

    def _windows(self, length: int, like: Tensor) -> Tensor:
        """Which pixels of a column (or row) each query window has: (Y, P); the last repeats what it is short of."""
        windows = (length + self.window - 1) // self.window
        start = torch.arange(windows, device=like.device) * self.window
        return (start[:, None] + torch.arange(self.window, device=like.device)).clamp(max=length - 1)

    def _contexts(self, length: int, like: Tensor) -> Tensor:
        """Which pixels of a column (or row) each context window has: (Y, R * P)."""
        windows, reach = (length + self.window - 1) // self.window, self.ratio * self.window
        start = torch.arange(windows, device=like.device) * self.window - (reach - self.window) // 2
        beyond = (start + reach - length).clamp(min=0)
        start = (start - beyond).clamp(min=0)
        pixels = start[:, None] + torch.arange(reach, device=like.device)
        return pixels % torch.full_like(pixels, length)  # of two tensors, as ONNX takes no symbolic size for a divisor


class CrossAttention(nn.Module):
    """Multi-head attention of queries (N, T, C) to a context (N, S, C), arXiv:1706.03762, section 3.2.2: (N, T, C).

    The weights are those of `nn.MultiheadAttention`, which never calls its output layer as a module.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * channels))
        self.out_proj = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, context: Tensor) -> Tensor:
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        query, key, value = (
            rearrange(F.linear(each, weight, bias), "N T (h C) -> N h T C", h=self.heads)
            for each, weight, bias in zip((query, context, context), weights, biases, strict=True)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.out_proj(rearrange(attended, "N h T C -> N T (h C)"))


def gather(features: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The pixels of a map (B, C, H, W) in those rows (Y, P) and columns (X, Q): (B, C, Y, P, X, Q)."""
    return features[:, :, rows][..., columns]
