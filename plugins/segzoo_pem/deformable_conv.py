"""Modulated deformable convolution: Deformable ConvNets v2, arXiv:1811.11168, section 3.2.

B     batch
C, D  channels of the map, of the result
P     places of the kernel, row by row
N     pixels, H times W
H, W  size of the map
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn import cell_centres

KERNEL = 3


class DeformableConv(nn.Module):
    """A 3x3 convolution that predicts where each of its places samples, and how much that counts.

    It has the values of torchvision's, in plain torch: that one has no bfloat16 on the CPU, isn't transformed by
    `torch.func`, and OpenVINO doesn't read it from ONNX.

    It starts as an ordinary convolution of half the weight.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.places = nn.Conv2d(in_channels, 3 * KERNEL**2, KERNEL, padding=KERNEL // 2)
        self.conv = nn.Conv2d(in_channels * KERNEL**2, out_channels, 1, bias=False)
        nn.init.zeros_(self.places.weight)
        nn.init.zeros_(self.places.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        offsets, weights = self.places(features).flatten(2).split([2 * KERNEL**2, KERNEL**2], dim=1)
        sampled = sample(features, offsets.unflatten(1, (KERNEL**2, 2))) * weights.sigmoid()[:, None]
        return self.conv(sampled.flatten(1, 2).unflatten(-1, features.shape[-2:]).to(features.dtype))


def sample(features: Tensor, offsets: Tensor) -> Tensor:
    """What a map has, bilinearly, around each pixel; it is zero outside.

    :param features: (B, C, H, W).
    :param offsets: (B, P, 2, N): how far down and right of its usual place each place of the kernel is, in pixels.
    :returns: (B, C, P, N), in float32 or finer.
    """
    height, width = features.shape[-2:]
    # in float32 or finer: a half-precision place would be off by whole pixels of a large map
    centres = cell_centres(features)
    x, y = centres.unbind(-1)
    row, column = (each.flatten()[:, None] for each in _kernel(features.device))
    down, right = offsets.to(centres.dtype).unbind(2)
    grid = torch.stack([x + (right + column) / width, y + (down + row) / height], dim=-1)
    grid = 2 * grid.transpose(1, 2) - 1  # (B, N, P, 2)
    return F.grid_sample(features.to(grid.dtype), grid, align_corners=False).transpose(2, 3)


def _kernel(device: torch.device) -> tuple[Tensor, Tensor]:
    """The usual places: rows and columns (KERNEL, KERNEL) from the kernel's centre."""
    side = torch.arange(KERNEL, device=device) - KERNEL // 2
    return side[:, None].expand(-1, KERNEL), side[None, :].expand(KERNEL, -1)
