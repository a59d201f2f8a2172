"""Learning to Upsample by Learning to Sample, arXiv:2308.15085: DySample.

B     batch
C     channels
G     groups of channels, each sampled at places of its own
f     factor
h, w  size of the coarse map
"""

from __future__ import annotations

import math

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn.positions import cell_centres

GROUPS = 4
SCOPE = 0.25
"""Of a coarse pixel, by which an offset of 1 moves a place: neighbours' places then hardly ever overlap."""


class DySample(nn.Module):
    """Sample a map at the finer grid's places, each moved as the map itself says: (B, C, h, w) to (B, C, fh, fw).

    The paper's "LP" style with a static scope: offsets are linear in each pixel, and then shuffled apart. With offsets
    of zero, which it starts near, it is bilinear interpolation. Four groups, or as many as share out the channels.

    :param factor: f, by which height and width grow.
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.groups = math.gcd(channels, GROUPS)
        self.offsets = nn.Conv2d(channels, 2 * self.groups * factor**2, 1)
        nn.init.normal_(self.offsets.weight, std=0.001)
        nn.init.zeros_(self.offsets.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        size = torch.tensor(features.shape[:1:-1], device=features.device)  # w, h
        moved = F.pixel_shuffle(self.offsets(features), self.factor).float() * SCOPE  # in coarse pixels
        moved = rearrange(moved, "b (g xy) h w -> (b g) h w xy", xy=2)
        places = cell_centres(moved[..., 0]).view(1, *moved.shape[1:]) + moved / size
        grouped = rearrange(features, "b (g c) h w -> (b g) c h w", g=self.groups)
        # in float32: coarser numbers don't tell the places on a large map apart
        sampled = F.grid_sample(grouped.float(), 2 * places - 1, padding_mode="border", align_corners=False)
        return rearrange(sampled, "(b g) c h w -> b (g c) h w", g=self.groups).to(features.dtype)
