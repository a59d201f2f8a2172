"""From queries and patches to masks and classes: the heads of EoMT, arXiv:2503.19108, section 3.2.

B     batch
D     width of a token
K     classes
N     patches, h times w
Q     queries
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from segzoo.nn import MLP


class QueryHeads(nn.Module):
    """The class of each query, and its mask: the product of what an MLP makes of it with the patches, upscaled.

    :param stride: of the patches; each step of upscaling halves it, down to 4, and there is one at least.
    """

    def __init__(self, width: int, stride: int, classes: int) -> None:
        super().__init__()
        self.upscale = nn.Sequential(*(Upscale(width) for _ in range(max(1, stride.bit_length() - 3))))
        self.mask = MLP(width, width, width, act="gelu")
        self.classify = nn.Linear(width, classes + 1)

    def forward(self, queries: Tensor, patches: Tensor, grid: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Queries (B, Q, D) and patches (B, N, D) to masks (B, Q, h', w') and classes (B, Q, K + 1)."""
        pixels = self.upscale(patches.transpose(1, 2).unflatten(2, tuple(grid)))
        return torch.einsum("bqd,bdhw->bqhw", self.mask(queries), pixels), self.classify(queries)


class Upscale(nn.Sequential):
    """(B, D, h, w) to (B, D, 2h, 2w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(width, width, kernel_size=2, stride=2)
        self.act = nn.GELU()
        self.smooth = nn.Conv2d(width, width, kernel_size=3, padding=1, groups=width, bias=False)
        self.norm = LayerNorm2d(width)
