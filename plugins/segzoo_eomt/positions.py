"""Rotary positions of DINOv3, arXiv:2508.10104, section 3.2 and appendix: of EoMT's sister PMD, arXiv:2603.25398.

B     batch
E     width of an attention head
N     patches, h times w
T     tokens, of which the last N are the patches
heads attention heads
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

THETA = 100.0
"""The longest wavelength over the shortest, which is half a map's side, nearly."""


class RotaryPositions(nn.Module):
    """The angles by which a patch's queries and keys are rotated: its row and its column, each from -1 to 1.

    :param head_width: E, a multiple of 4.
    :param rescale: in training the map is made larger or smaller by up to this factor, by chance; 1 leaves it.
    """

    def __init__(self, head_width: int, rescale: float = 1.0) -> None:
        super().__init__()
        self.head_width = head_width
        self.rescale = rescale

    def forward(self, tokens: Tensor, grid: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Sines and cosines, (N, E) each, of the type of the tokens or finer."""
        exact = torch.promote_types(tokens.dtype, torch.float32)
        steps = torch.arange(self.head_width // 4, dtype=exact, device=tokens.device)
        frequencies = 2 * math.pi * THETA ** (-4 * steps / self.head_width)
        rows, columns = (self._places(length, exact, tokens) for length in grid)
        if self.training and self.rescale > 1:
            scale = torch.empty((), dtype=exact, device=tokens.device).uniform_(-1, 1)
            rows, columns = (each * self.rescale**scale for each in (rows, columns))
        angles_of_rows = (rows[:, None] * frequencies)[:, None].expand(-1, grid[1], -1)
        angles_of_columns = (columns[:, None] * frequencies)[None].expand(grid[0], -1, -1)
        angles = torch.cat([angles_of_rows, angles_of_columns], dim=-1).flatten(0, 1)
        angles = torch.cat([angles, angles], dim=-1)
        return angles.sin(), angles.cos()

    def _places(self, length: int, exact: torch.dtype, tokens: Tensor) -> Tensor:
        """The centres of the cells of one side, from -1 to 1."""
        return (torch.arange(length, dtype=exact, device=tokens.device) + 0.5) / length * 2 - 1


def rotate(tokens: Tensor, positions: tuple[Tensor, Tensor]) -> Tensor:
    """(B, heads, T, E) with the last N tokens rotated by their positions, and the others as they are."""
    sines, cosines = positions
    others = tokens.shape[2] - sines.shape[0]
    sines, cosines = F.pad(sines, (0, 0, others, 0)), F.pad(cosines, (0, 0, others, 0), value=1.0)
    first, second = tokens.chunk(2, dim=-1)
    return (tokens * cosines + torch.cat([-second, first], dim=-1) * sines).to(tokens.dtype)
