"""Where the cells of a map lie: DETR's encoding of positions, arXiv:2005.12872, section A.4, and the cells' centres."""

from __future__ import annotations

import math

import torch
from torch import Tensor

TEMPERATURE = 10000.0
EPSILON = 1e-6


def sine_positions(features: Tensor, channels: int) -> Tensor:
    """Sines and cosines of each cell's row and column, counted from 1 and as fractions of a turn of the whole map.

    :param features: (B, C, h, w), whose size, type and device are taken.
    :param channels: of the result, a multiple of 4: the first half tell the row, the others the column.
    :returns: (1, channels, h, w), the same for every image.
    """
    height, width = features.shape[-2:]
    exact = torch.promote_types(features.dtype, torch.float32)
    pairs = torch.arange(channels // 4, dtype=exact, device=features.device)
    wavelengths = TEMPERATURE ** (pairs * 4 / channels)

    def encode(length: int) -> Tensor:
        places = torch.arange(1, length + 1, dtype=exact, device=features.device)
        angles = places / (length + EPSILON) * (2 * math.pi) / wavelengths[:, None]
        return torch.stack([angles.sin(), angles.cos()], dim=1).flatten(0, 1)

    rows = encode(height)[:, :, None].expand(-1, -1, width)
    columns = encode(width)[:, None, :].expand(-1, height, -1)
    return torch.cat([rows, columns])[None].to(features.dtype)


def cell_centres(features: Tensor) -> Tensor:
    """The centre of each cell as fractions of the map's width and height, row by row.

    :param features: (B, C, h, w), whose size and device are taken.
    :returns: (1, h * w, 2): x and y, in float32 or finer.
    """
    height, width = features.shape[-2:]
    exact = torch.promote_types(features.dtype, torch.float32)
    y = (torch.arange(height, dtype=exact, device=features.device) + 0.5) / height
    x = (torch.arange(width, dtype=exact, device=features.device) + 0.5) / width
    return torch.stack([x[None, :].expand(height, -1), y[:, None].expand(-1, width)], dim=-1).flatten(0, 1)[None]
