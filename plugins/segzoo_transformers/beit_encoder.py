"""BEiT: BERT Pre-Training of Image Transformers, arXiv:2106.08254, with the pyramid of its segmentation models.

B  batch
C  channels
H  height of the grid of patches
W  width of it
N  tokens: H x W patches, and the class token before them

Made of timm's blocks. timm computes their position biases for one size of image; here, as in transformers, they are
resized to any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Le, Len
from timm.models.beit import Block
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import segzoo
from segzoo.options import Count, Dropout, Sizes, Width

PATCH = 16
STRIDES = (1, 2, 4, 8, 16, 32)
MAPS = 4


class BeitPyramid(segzoo.Encoder):
    """Four blocks' tokens as maps of strides 4, 8, 16 and 32: deconvolved, as they are, pooled.

    :param width: channels of all maps.
    :param heads: of attention.
    :param hidden: channels within an MLP.
    :param taps: how many blocks each map comes after, fine to coarse; what comes after the last isn't built.
    :param grid: patches (rows, columns) for which the position biases are kept.
    :param drop_path_rate: stochastic depth of the last block; it grows linearly from 0.
    :raises OptionError: when the taps are out of order, or the width doesn't fit the heads.
    """

    def __init__(
        self,
        width: Width = 768,
        heads: Count = 12,
        hidden: Width = 3072,
        taps: Annotated[Sequence[Annotated[int, Ge(0), Le(256)]], Len(MAPS, MAPS)] = (2, 4, 6, 10),
        grid: Annotated[Sizes, Len(2, 2)] = (40, 40),
        in_channels: int = 3,
        drop_path_rate: Dropout = 0.1,
    ) -> None:
        if list(taps) != sorted(set(taps)) or width % heads:
            raise segzoo.OptionError(
                f"BEiT's pyramid needs taps in order and width a multiple of heads, got taps={list(taps)}, "
                f"width={width}, heads={heads}"
            )
        super().__init__(
            segzoo.FeatureSpec((in_channels, 0, *[width] * MAPS), STRIDES),
            segzoo.InputSpec(multiple=STRIDES[-1]),
            segzoo.Preprocessing((0.5,) * in_channels, (0.5,) * in_channels),
        )
        self.taps = tuple(taps)
        self.patches = nn.Conv2d(in_channels, width, PATCH, stride=PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        rates = [drop_path_rate * i / max(1, taps[-1] - 1) for i in range(taps[-1])]
        self.blocks = nn.ModuleList(
            Block(
                width,
                heads,
                qkv_bias=True,
                mlp_ratio=hidden / width,
                init_values=0.1,
                drop_path=rate,
            )
            for rate in rates
        )
        self.position_biases = nn.ModuleList(PositionBias(heads, grid) for _ in rates)
        self.to_stride_4 = nn.Sequential(
            nn.ConvTranspose2d(width, width, 2, stride=2),
            nn.BatchNorm2d(width),
            nn.GELU(),
            nn.ConvTranspose2d(width, width, 2, stride=2),
        )
        self.to_stride_8 = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.grad_checkpointing = False

    def forward(self, image: Tensor) -> list[Tensor]:
        patches = self.patches(image)
        size = patches.shape[-2:]
        tokens = torch.cat([self.cls_token.expand(image.shape[0], -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
        after = [tokens]
        for block, position_bias in zip(self.blocks, self.position_biases, strict=True):
            bias = position_bias(*size)
            after.append(
                checkpoint(block, after[-1], shared_rel_pos_bias=bias, use_reentrant=False)
                if self.grad_checkpointing
                else block(after[-1], shared_rel_pos_bias=bias)
            )
        first, second, third, last = (after[tap][:, 1:].transpose(1, 2).unflatten(2, size) for tap in self.taps)
        maps = [self.to_stride_4(first), self.to_stride_8(second), third, F.max_pool2d(last, 2)]
        return self.complete(image, dict(enumerate(maps, start=2)))

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        self.grad_checkpointing = enable

    def no_weight_decay(self) -> set[str]:
        return {"cls_token", "position_biases.*.table"}

    def group_matcher(self, coarse: bool = False) -> segzoo.Matcher:
        return {"stem": r"^cls_token|patches", "blocks": r"^(?:blocks|position_biases)\.(\d+)"}


class PositionBias(nn.Module):
    """What a token adds to its attention to another, by how far apart they are: one number for each head.

    The last three rows of the table are for the class token: to patches, from patches, to itself.
    """

    def __init__(self, heads: int, grid: Sequence[int]) -> None:
        super().__init__()
        rows, columns = grid
        self.distances = (2 * rows - 1, 2 * columns - 1)
        self.table = nn.Parameter(torch.zeros(self.distances[0] * self.distances[1] + 3, heads))

    def forward(self, height: int, width: int) -> Tensor:
        """For a grid of that size: (1, heads, N, N)."""
        by_distance, (to_patch, from_patch, to_itself) = self.table[:-3], self.table[-3:, :, None]
        by_distance = by_distance.unflatten(0, self.distances).permute(2, 0, 1)[None]
        by_distance = segzoo.nn.resize(by_distance, (2 * height - 1, 2 * width - 1))[0]
        rows, columns = (torch.arange(length, device=self.table.device) for length in (height, width))
        down = (rows[:, None] - rows[None, :] + height - 1)[:, None, :, None]
        right = (columns[:, None] - columns[None, :] + width - 1)[None, :, None, :]
        patches = by_distance[:, down, right].flatten(3, 4).flatten(1, 2)
        count = patches.shape[-1]
        first_row = torch.cat([to_itself, to_patch.expand(-1, count)], dim=1)
        others = torch.cat([from_patch.expand(-1, count)[..., None], patches], dim=2)
        return torch.cat([first_row[:, None], others], dim=1)[None]
