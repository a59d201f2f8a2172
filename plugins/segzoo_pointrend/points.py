"""Points of a map: which are uncertain, what stands there, and a small network that classifies them: PointRend.

B     batch
C     channels of the fine map
K     classes
P     points
h, w  size of a map
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PointHead(nn.Module):
    """Linear layers, each of which is told the coarse logits too: arXiv:1912.08193, section 3.3.

    :param width: of each layer but the last.
    :param layers: with an activation; a last one without follows.
    """

    def __init__(self, in_channels: int, classes: int, width: int, layers: int) -> None:
        super().__init__()
        widths = [in_channels] + [width] * layers
        self.layers = nn.ModuleList(nn.Linear(before + classes, after) for before, after in pairwise(widths))
        self.classify = nn.Linear(width + classes, classes)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(B, P, C) and (B, P, K) to (B, P, K)."""
        points = fine
        for layer in self.layers:
            points = layer(torch.cat([points, coarse], dim=-1)).relu()
        return self.classify(torch.cat([points, coarse], dim=-1))


def uncertainty(logits: Tensor) -> Tensor:
    """How little the two likeliest classes differ; of one class alone how near its logit is to zero.

    :param logits: (B, K, h, w).
    :returns: (B, h, w), at most zero.
    """
    if logits.shape[1] == 1:
        return -logits[:, 0].abs()
    first, second = logits.topk(2, dim=1).values.unbind(dim=1)
    return second - first


def sample(features: Tensor, places: Tensor) -> Tensor:
    """What stands at points, between four cells if need be.

    :param features: (B, C, h, w).
    :param places: (B, P, 2): x and y as fractions of the map's width and height, in float32 or finer.
    :returns: (B, P, C).
    """
    grid = 2 * places[:, None] - 1
    sampled = F.grid_sample(features.to(grid.dtype), grid, padding_mode="border", align_corners=False)
    return sampled[:, :, 0].transpose(1, 2).to(features.dtype)
