"""Resizing a map to the size of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from segzoo.nn.known import known

Mode = Literal["bilinear", "nearest", "bicubic"]


def resize(features: Tensor, size: Sequence[int], mode: Mode = "bilinear", align_corners: bool = False) -> Tensor:
    """Resize a map (B, C, h, w) to (height, width); the map itself where it has that size already.

    :param align_corners: for bilinear: whether the centres of the corner pixels, rather than the corners, agree.
    """
    (h, w), (height, width) = features.shape[-2:], size
    if known(h == height) and known(w == width):
        return features
    if known(h == 1) and known(w == 1):
        return features.expand(-1, -1, height, width)
    corners = align_corners if mode == "bilinear" else None
    return F.interpolate(features, (height, width), mode=mode, align_corners=corners)
