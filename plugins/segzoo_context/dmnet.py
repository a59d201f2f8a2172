"""Dynamic Multi-scale Filters for Semantic Segmentation, ICCV 2019.

B     batch
C, D  channels of the deepest map, of the result
H, W  size of the deepest map
k     side of a filter
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Le, Len
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import BatchNorm2d, ConvNormAct, average_over_grid
from segzoo.options import Dropout, Width
from segzoo_context.base import ContextPyramidDecoder

Filters = Annotated[Sequence[Annotated[int, Ge(1), Le(31)]], Len(1, 16)]


class DMNetDecoder(ContextPyramidDecoder):
    """Each channel is convolved with a filter that is computed of the image; for filters of several sizes.

    The defaults are mmsegmentation's.

    :param width: channels of each scale, and of the output.
    :param filters: sides of the filters, in pixels of the deepest map.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    memory_format = torch.contiguous_format  # sums over shifted rows

    def __init__(
        self, stages: segzoo.FeatureSpec, width: Width = 512, filters: Filters = (1, 3, 5, 7), dropout: Dropout = 0.1
    ) -> None:
        (deepest,) = stages.channels
        contexts: list[nn.Module] = [DynamicConv(deepest, width, side) for side in filters]
        super().__init__(stages, contexts, width, dropout)


class DynamicConv(nn.Module):
    """DCM: a depthwise convolution with filters of the image's own: (B, C, H, W) to (B, D, H, W)."""

    def __init__(self, channels: int, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.filters = nn.Conv2d(channels, width, 1)
        self.reduce = ConvNormAct(channels, width, kernel=1)
        self.norm = BatchNorm2d(width)

    def forward(self, features: Tensor) -> Tensor:
        filters = self.filters(average_over_grid(features, self.side))  # (B, D, k, k)
        return self.norm(convolve_each(self.reduce(features), filters)).relu()


def convolve_each(features: Tensor, filters: Tensor) -> Tensor:
    """Convolve each channel of each image with a filter of its own: (B, D, H, W) and (B, D, k, k) to (B, D, H, W).

    As a sum over shifts: a grouped convolution would tie an exported graph to one batch, and a map unfolded to windows
    takes as many times the memory as a filter has cells.
    """
    height, width = features.shape[-2:]
    side = filters.shape[-1]
    before, after = side // 2, (side - 1) // 2
    padded = F.pad(features, (before, after, before, after))
    columns = torch.stack([padded[..., column : column + width] for column in range(side)], dim=2)
    convolved = torch.zeros_like(features)
    for row in range(side):
        weights = filters[:, :, row, :, None, None]  # (B, D, k, 1, 1)
        convolved = convolved + (columns[..., row : row + height, :] * weights).sum(dim=2)
    return convolved
