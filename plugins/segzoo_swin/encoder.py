"""Swin Transformer: Hierarchical Vision Transformer using Shifted Windows, arXiv:2103.14030, section 3.

B  batch
H  height of a stage's grid, one cell per token
W  width of its grid
C  channels of a stage
N  tokens of a window

As its authors run it for dense prediction (section 4.3), and as mmsegmentation and transformers do: a grid is padded to
whole windows before they are shifted, and each stage's map ends in a layer norm. timm shifts first and pads then, which
gives other maps wherever the grid is not made of whole windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Ge, Len
from timm.layers import DropPath, Mlp
from timm.models.swin_transformer import PatchMerging, WindowAttention, window_partition, window_reverse
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import segzoo
from segzoo.options import Count, Dropout, Width

PATCH = 4
STRIDES = (1, 2, 4, 8, 16, 32)
FIRST_STAGE = STRIDES.index(PATCH)
EXPANSION = 4
APART = -100.0
"""Added to the attention of tokens that a shift has brought together from opposite borders."""

PerStage = Annotated[Sequence[Count], Len(4, 4)]


class SwinTransformer(segzoo.Encoder):
    """Four stages of attention within windows that are shifted in every other block.

    :param width: channels of the first stage, doubled by each further one.
    :param blocks: in each stage.
    :param heads: of attention in each stage.
    :param window: cells to a side.
    :param depth: the deepest stage, 2 to 5; what lies deeper is not built.
    :param drop_path_rate: stochastic depth of the last block; it grows linearly from 0.
    :raises OptionError: when an option is out of range.
    """

    def __init__(
        self,
        width: Width = 96,
        blocks: PerStage = (2, 2, 6, 2),
        heads: PerStage = (3, 6, 12, 24),
        window: Annotated[Count, Ge(2)] = 7,
        in_channels: int = 3,
        depth: int | None = None,
        drop_path_rate: Dropout = 0.1,
    ) -> None:
        deepest = len(STRIDES) - 1
        depth = deepest if depth is None else depth
        if depth not in range(FIRST_STAGE, deepest + 1):
            raise segzoo.OptionError(f"Swin has no depth {depth!r}; give one from {FIRST_STAGE} to {deepest}")
        widths = [width * 2**stage for stage in range(depth + 1 - FIRST_STAGE)]
        if any(each % heads_of_it for each, heads_of_it in zip(widths, heads, strict=False)):
            raise segzoo.OptionError(f"Swin's widths {widths} must be multiples of its heads {list(heads)}")
        super().__init__(
            segzoo.FeatureSpec((in_channels, 0, *widths), STRIDES[: depth + 1]),
            preprocessing=segzoo.Preprocessing().for_channels(in_channels),
        )
        growth = drop_path_rate / max(1, sum(blocks) - 1)
        self.patches = nn.Conv2d(in_channels, width, PATCH, stride=PATCH)
        self.patches_norm = nn.LayerNorm(width)
        self.stages = nn.ModuleList(
            Stage(
                channels,
                heads[i],
                window,
                merge=i > 0,
                drop_path_rates=[growth * block for block in range(sum(blocks[:i]), sum(blocks[: i + 1]))],
            )
            for i, channels in enumerate(widths)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for channels in widths)

    def forward(self, image: Tensor) -> list[Tensor]:
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, -width % PATCH, 0, -height % PATCH))
        tokens = self.patches_norm(self.patches(padded).permute(0, 2, 3, 1))
        features = {}
        for entry, (stage, norm) in enumerate(zip(self.stages, self.norms, strict=True), start=FIRST_STAGE):
            tokens = stage(tokens)
            features[entry] = norm(tokens).permute(0, 3, 1, 2)
        return self.complete(image, features)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        stage: Any
        for stage in self.stages:
            stage.grad_checkpointing = enable

    def no_weight_decay(self) -> set[str]:
        return {"*.relative_position_bias_table"}

    def group_matcher(self, coarse: bool = False) -> segzoo.Matcher:
        return {
            "stem": r"^patches",
            "stages": [
                *(
                    [(r"^stages\.(\d+)", None)]
                    if coarse
                    else [(r"^stages\.(\d+)\.merge", (0,)), (r"^stages\.(\d+)\.blocks\.(\d+)", None)]
                ),
                (r"^norms\.(\d+)", (99999,)),  # timm's sign for the layer before
            ],
        }


class Stage(nn.Module):
    """Four tokens merged into one, unless it is the first stage, then blocks: (B, H, W, C)."""

    def __init__(
        self, channels: int, heads: int, window: int, *, merge: bool, drop_path_rates: Sequence[float]
    ) -> None:
        super().__init__()
        self.merge = PatchMerging(channels // 2) if merge else nn.Identity()
        self.blocks = nn.Sequential(
            *(
                Block(channels, heads, window, shift=window // 2 if odd % 2 else 0, drop_path_rate=rate)
                for odd, rate in enumerate(drop_path_rates)
            )
        )

        self.grad_checkpointing = False

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.merge(tokens)
        for block in self.blocks:
            tokens = checkpoint(block, tokens, use_reentrant=False) if self.grad_checkpointing else block(tokens)
        return tokens


class Block(nn.Module):
    """Attention within windows and an MLP, each after a norm and around a shortcut."""

    def __init__(self, channels: int, heads: int, window: int, shift: int, drop_path_rate: float) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, heads, window_size=window)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels, EXPANSION * channels)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.drop_path(self.attend(self.norm1(tokens)))
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))

    def attend(self, tokens: Tensor) -> Tensor:
        """Pad to whole windows, shift, attend, shift back, crop: (B, H, W, C)."""
        height, width, channels = tokens.shape[1:]
        size = (self.window, self.window)
        tokens = F.pad(tokens, (0, 0, 0, -width % self.window, 0, -height % self.window))
        rows, columns = tokens.shape[1:3]
        mask = None
        if self.shift:
            tokens = tokens.roll((-self.shift, -self.shift), dims=(1, 2))
            mask = mask_of_shift(rows, columns, self.window, self.shift, tokens)
        windows = window_partition(tokens, size).flatten(1, 2)
        attended = self.attn(windows, mask=mask).view(-1, *size, channels)
        tokens = window_reverse(attended, size, rows, columns)
        if self.shift:
            tokens = tokens.roll((self.shift, self.shift), dims=(1, 2))
        return tokens[:, :height, :width]


def mask_of_shift(height: int, width: int, window: int, shift: int, like: Tensor) -> Tensor:
    """What keeps tokens apart that are no neighbours, in windows of a shifted grid: (windows, N, N)."""
    row, column = (
        (position >= length - window).int() + (position >= length - shift).int()
        for length in (height, width)
        for position in [torch.arange(length, device=like.device)]
    )
    regions = (3 * row[:, None] + column[None, :])[None, :, :, None]
    windows = window_partition(regions, (window, window)).flatten(1)
    return (windows[:, None] != windows[:, :, None]).to(like.dtype) * APART
