"""Resizing a map to the size of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from segzoo.nn.large_map import large_map


def resize(
    features: Tensor,
    size: Sequence[int],
    mode: Literal["bilinear", "nearest"] = "bilinear",
    align_corners: bool = False,
) -> Tensor:
    """Resize a map (B, C, h, w) to (height, width); the map itself where it has that size already.

    :param align_corners: for bilinear: whether the centres of the corner pixels, rather than the corners, agree.
    """
    height, width = size
    if _equal(features.shape[-2], height) and _equal(features.shape[-1], width):
        return features
    made = large_map((*features.shape[:2], height, width), features)
    if made is None:
        corners = align_corners if mode == "bilinear" else None
        return F.interpolate(features, (height, width), mode=mode, align_corners=corners)
    if mode == "bilinear":
        return torch.ops.aten.upsample_bilinear2d.out(features, (height, width), align_corners, out=made)
    return torch.ops.aten.upsample_nearest2d.out(features, (height, width), out=made)


def _equal(length: int, other: int) -> bool:
    """Equal for sure: while a graph is traced sizes are symbols, and a guess would tie the graph to one size."""
    if torch.compiler.is_compiling():
        from torch.fx.experimental.symbolic_shapes import statically_known_true

        return statically_known_true(length == other)
    return length == other
