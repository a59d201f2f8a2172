"""Pyramid pooling: a map summarised over grids of a few cells."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn.conv import ConvNormAct


def average_over_grid(features: Tensor, cells: int) -> Tensor:
    """Average a map (B, C, h, w) over a grid of cells x cells: (B, C, cells, cells); see `average_to`."""
    if cells == 1:
        return features.mean(dim=(-2, -1), keepdim=True)
    return average_to(features, (cells, cells))


def average_to(features: Tensor, size: Sequence[int]) -> Tensor:
    """Average a map (B, C, h, w) over a grid of cells, which may overlap by a pixel: (B, C, height, width).

    The values of adaptive average pooling, computed by two matrices: deterministic on every device, and exported (to
    ONNX too) without tying the graph to one size.

    :param size: (height, width) of the grid, in cells.
    """
    rows, columns = (
        _cell_weights(length, cells, features) for length, cells in zip(features.shape[-2:], size, strict=True)
    )
    return rows @ features @ columns.transpose(0, 1)


def _cell_weights(length: int, cells: int, like: Tensor) -> Tensor:
    """(cells, length): a cell averages the pixels that its share of the length touches."""
    cell = torch.arange(cells, device=like.device)[:, None]
    pixel = torch.arange(length, device=like.device)
    touched = (pixel * cells < (cell + 1) * length) & ((pixel + 1) * cells > cell * length)  # whole numbers: exact
    weights = touched.to(like.dtype)
    return weights / weights.sum(dim=1, keepdim=True)


class PyramidPooling(nn.Module):
    """The pyramid of PSPNet, arXiv:1612.01105: a map averaged over several grids, each brought to a width by a 1x1.

    With `grids=(1,)` it is the image pooling of DeepLabV3. A batch of one trains. The caller joins the result with the
    map itself (`ConcatConvNormAct`), which resizes it too.

    :param width: channels of each pooled map.
    :param grids: cells per side of each grid.
    :param image_norm: whether the grid of one cell, the whole image, has a batch norm as the others do.
    """

    def __init__(
        self, in_channels: int, width: int, grids: Sequence[int] = (1, 2, 3, 6), *, image_norm: bool = True
    ) -> None:
        super().__init__()
        self.grids = tuple(grids)
        self.branches = nn.ModuleList(
            ConvNormAct(in_channels, width, 1, norm="batchnorm2d" if image_norm or cells > 1 else None)
            for cells in self.grids
        )

    def forward(self, features: Tensor) -> list[Tensor]:
        """(B, in_channels, h, w) to one (B, width, cells, cells) per grid."""
        return [
            branch(average_over_grid(features, cells)) for branch, cells in zip(self.branches, self.grids, strict=True)
        ]


class MaxPool(nn.Module):
    """Max pooling that keeps a last incomplete window: (B, C, h, w) to (B, C, h / factor, w / factor), rounded up.

    The values of `nn.MaxPool2d(factor, ceil_mode=True)`, which would tie an exported graph to one size.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[-2:]
        missing = (0, -width % self.factor, 0, -height % self.factor)
        return F.max_pool2d(F.pad(features, missing, mode="replicate"), self.factor)
