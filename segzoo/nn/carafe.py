"""CARAFE: Content-Aware ReAssembly of FEatures, arXiv:1905.02188, section 3.2.

B     batch
C     channels
f     factor
h, w  size of the coarse map
K     pixels of the neighbourhood that a fine pixel is reassembled from
"""

from __future__ import annotations

from einops import rearrange
from torch import Tensor, einsum, nn
from torch.nn import functional as F

COMPRESSED = 64
ENCODER_KERNEL = 3
NEIGHBOURHOOD = 5
"""Pixels per side, k_up in the paper."""


class CARAFE(nn.Module):
    """Each fine pixel is a mean of coarse ones, by weights that the map predicts: (B, C, h, w) to (B, C, fh, fw).

    :param factor: f, by which height and width grow.
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.compress = nn.Conv2d(channels, COMPRESSED, 1)
        kernels = (NEIGHBOURHOOD * factor) ** 2
        self.encode = nn.Conv2d(COMPRESSED, kernels, ENCODER_KERNEL, padding=ENCODER_KERNEL // 2)
        nn.init.xavier_uniform_(self.compress.weight)
        nn.init.normal_(self.encode.weight, std=0.001)
        for conv in (self.compress, self.encode):
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[-2:]
        weights = self.encode(self.compress(features))
        weights = rearrange(weights, "b (k f) h w -> b k f h w", k=NEIGHBOURHOOD**2).softmax(dim=1)
        around = F.unfold(features, NEIGHBOURHOOD, padding=NEIGHBOURHOOD // 2)  # (B, C K, h w)
        around = around.view(features.shape[0], -1, NEIGHBOURHOOD**2, height, width)
        reassembled = einsum("bckhw,bkfhw->bcfhw", around, weights)
        return F.pixel_shuffle(reassembled.flatten(1, 2), self.factor)
