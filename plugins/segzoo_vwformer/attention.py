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
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

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
        attended, _ = self.attention(query, context, context, need_weights=False)
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


def gather(features: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The pixels of a map (B, C, H, W) in those rows (Y, P) and columns (X, Q): (B, C, Y, P, X, Q)."""
    return features[:, :, rows][..., columns]
