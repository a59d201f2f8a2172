"""Multi-scale deformable attention: Deformable DETR, arXiv:2010.04159, section 4.1.

B         batch
Q         queries
N         values: the cells of all levels, one level after the other
D         width
H, L, P   heads, levels, points
h_l, w_l  size of a level
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DeformableAttention(nn.Module):
    """Each query takes a weighted sum of the values at a few points of every level, which it chooses itself.

    Its offsets start in as many directions as there are heads, one cell further for each point, and with equal weights.

    :param width: a multiple of `heads`.
    :param levels: maps to sample from.
    :param points: in each level, of each head.
    """

    def __init__(self, width: int, heads: int = 8, levels: int = 3, points: int = 4) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.offsets = nn.Linear(width, heads * levels * points * 2)
        self.weights = nn.Linear(width, heads * levels * points)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        angles = torch.arange(self.heads) * (2 * math.pi / self.heads)
        directions = torch.stack([angles.cos(), angles.sin()], dim=-1)
        directions = directions / directions.abs().amax(dim=-1, keepdim=True)  # onto the border of a square
        steps = torch.arange(1, self.points + 1)
        ring = (directions[:, None, None] * steps[:, None]).expand(-1, self.levels, -1, -1)
        self.offsets.bias.copy_(ring.flatten())
        nn.init.zeros_(self.offsets.weight)
        for layer in (self.value, self.output):
            nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(self.weights.weight)
        for layer in (self.weights, self.value, self.output):
            nn.init.zeros_(layer.bias)

    def forward(self, queries: Tensor, references: Tensor, values: Tensor, sizes: Sequence[Sequence[int]]) -> Tensor:
        """Sample and sum.

        :param queries: (B, Q, D).
        :param references: (B or 1, Q, 2): the point that a query's offsets count from, x and y as fractions of the
            map, such as `cell_centres` gives.
        :param values: (B, N, D).
        :param sizes: (height, width) of each level.
        :returns: (B, Q, D).
        """
        offsets = self.offsets(queries).unflatten(-1, (self.heads, self.levels, self.points, 2))
        weights = self.weights(queries).unflatten(-1, (self.heads, -1)).softmax(dim=-1)
        weights = weights.unflatten(-1, (self.levels, self.points))
        levels = self.value(values).split([height * width for height, width in sizes], dim=1)
        sampled = [
            self._sample(level, size, references, offsets[:, :, :, number], weights[:, :, :, number])
            for number, (level, size) in enumerate(zip(levels, sizes, strict=True))
        ]
        return self.output(sum(sampled[1:], start=sampled[0]))

    def _sample(
        self, level: Tensor, size: Sequence[int], references: Tensor, offsets: Tensor, weights: Tensor
    ) -> Tensor:
        """The sum over one level's points.

        :param level: (B, h_l * w_l, D).
        :param references: (B or 1, Q, 2).
        :param offsets: (B, Q, H, P, 2), in cells of this level.
        :param weights: (B, Q, H, P).
        :returns: (B, Q, D).
        """
        height, width = size
        # in float32 or finer: a half-precision place would be off by whole cells of a large map
        x = references[..., None, None, 0] + offsets[..., 0] / width
        y = references[..., None, None, 1] + offsets[..., 1] / height
        grid = 2 * torch.stack([x, y], dim=-1).transpose(1, 2).flatten(0, 1) - 1
        maps = level.unflatten(-1, (self.heads, -1)).permute(0, 2, 3, 1).flatten(0, 1).unflatten(-1, (height, width))
        points = F.grid_sample(maps.to(grid.dtype), grid, align_corners=False)  # (B * H, D / H, Q, P)
        summed = (points * weights.transpose(1, 2).flatten(0, 1)[:, None]).sum(dim=-1)
        return summed.unflatten(0, (-1, self.heads)).flatten(1, 2).transpose(1, 2).to(level.dtype)
