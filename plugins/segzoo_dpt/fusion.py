"""From a pyramid to one map: residual units around the sum of a level and what comes from the coarser one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from segzoo.nn import ConvNormAct, resize


class Fusion(nn.Module):
    """Refine a level, add what comes from the coarser one, refine the sum, and resize it for the next finer level."""

    def __init__(self, width: int, residual_unit: Callable[[], nn.Module], align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.refine_level = residual_unit()
        self.refine_sum = residual_unit()
        self.project = nn.Conv2d(width, width, 1)

    def forward(self, level: Tensor, coarser: Tensor | None, size: Sequence[int]) -> Tensor:
        refined = self.refine_level(level)
        fused = self.refine_sum(refined if coarser is None else refined + coarser)
        return resize(self.project(fused), size, align_corners=self.align_corners)  # a 1x1 is cheaper before


class ResidualUnit(nn.Module):
    """Two convolutions, each after a ReLU and perhaps before a batch norm, and a shortcut."""

    def __init__(self, width: int, norm: str | None, bias: bool | None) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.ReLU(),
            ConvNormAct(width, width, norm=norm, bias=bias),
            ConvNormAct(width, width, norm=norm, bias=bias, act=None),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + self.convs(features)
