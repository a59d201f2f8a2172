"""Pyramids of poolings with strides: DDRNet's (arXiv:2101.06085, section 3.3) and PIDNet's (arXiv:2206.02066, 4.2).

B     batch
C, D  channels of the map, of the result
S     channels of each scale
h, w  size of the map
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn import resize
from segzoo_pidnet.blocks import NormActConv

STRIDES = (2, 4, 8)
SCALES = 1 + len(STRIDES) + 1  # the map itself, the pooled ones, its mean


class PyramidOfPoolings(nn.Module):
    """What the two have in common; they differ in how the scales meet.

    :param pool_width: S, channels of each scale.
    :param width: D.
    """

    def __init__(self, in_channels: int, pool_width: int, width: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(NormActConv(in_channels, pool_width, 1) for _ in range(SCALES))
        self.compress = NormActConv(SCALES * pool_width, width, 1)
        self.shortcut = NormActConv(in_channels, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to (B, D, h, w)."""
        levels = [
            resize(scale(pooled), features.shape[-2:])
            for scale, pooled in zip(self.scales, pooled_maps(features), strict=True)
        ]
        return self.compress(torch.cat(self.meet(levels), dim=1)) + self.shortcut(features)

    def meet(self, levels: list[Tensor]) -> list[Tensor]:
        """(B, S, h, w) each, fine to coarse, to as many channels in all."""
        raise NotImplementedError


class DAPPM(PyramidOfPoolings):
    """The deep one: each scale is added to what the finer ones have become, and convolved."""

    def __init__(self, in_channels: int, pool_width: int, width: int) -> None:
        super().__init__(in_channels, pool_width, width)
        self.processes = nn.ModuleList(NormActConv(pool_width, pool_width, 3) for _ in range(SCALES - 1))

    def meet(self, levels: list[Tensor]) -> list[Tensor]:
        met, *coarser = levels
        processed = [met]
        for process, level in zip(self.processes, coarser, strict=True):
            processed.append(process(level + processed[-1]))
        return processed


class PAPPM(PyramidOfPoolings):
    """The parallel one: each scale is added to the map itself, and all are convolved at once, in groups."""

    def __init__(self, in_channels: int, pool_width: int, width: int) -> None:
        super().__init__(in_channels, pool_width, width)
        coarser = SCALES - 1
        self.process = NormActConv(coarser * pool_width, coarser * pool_width, 3, groups=coarser)

    def meet(self, levels: list[Tensor]) -> list[Tensor]:
        finest, *coarser = levels
        return [finest, self.process(torch.cat([level + finest for level in coarser], dim=1))]


def pooled_maps(features: Tensor) -> Iterator[Tensor]:
    """The map (B, C, h, w), averages of it with strides, whose windows overlap by half, and the mean of all."""
    yield features
    for stride in STRIDES:
        yield F.avg_pool2d(features, 2 * stride + 1, stride, padding=stride)  # zeros beyond the border count
    yield features.mean(dim=(2, 3), keepdim=True)
