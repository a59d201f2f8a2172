"""TIPSv2, arXiv:2604.12012: four blocks' maps, each past the final norm, as DPT takes them in transformers.

B  batch
C  channels
h  height of the grid of patches
w  width of it
N  tokens: class token, registers, h x w patches

Made of timm's blocks. timm resizes positions by bicubic interpolation; here, as in transformers, it is bilinear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Ge, Le, Len
from timm.layers import LayerNorm, Mlp, SwiGLUPacked
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import segzoo
from segzoo.options import Count, Dropout, Width

PATCH = 14
MAPS = 4
STAGES = segzoo.place_stages((PATCH,) * MAPS)


class TIPSv2Transformer(segzoo.Encoder):
    """A plain transformer with registers, and four of its maps.

    :param width: channels.
    :param heads: of attention.
    :param hidden: channels within an MLP.
    :param gated: whether one half of them gates the other (SwiGLU), which then are twice as many.
    :param taps: how many blocks each map comes after; what comes after the last isn't built.
    :param registers: how many tokens stand between the class token and the patches.
    :param grid: patches along each side for which positions are kept.
    :param drop_path_rate: stochastic depth of the last block; it grows linearly from 0.
    :param class_token: whether it is appended to the channels of each map.
    :raises OptionError: when the taps are out of order, or the width doesn't fit the heads.
    """

    def __init__(
        self,
        width: Width = 768,
        heads: Count = 12,
        hidden: Width = 3072,
        gated: bool = False,
        taps: Annotated[Sequence[Count], Len(MAPS, MAPS)] = (3, 6, 9, 12),
        registers: Annotated[int, Ge(0), Le(256)] = 1,
        grid: Annotated[int, Ge(1), Le(1024)] = 32,
        in_channels: int = 3,
        drop_path_rate: Dropout = 0.0,
        class_token: bool = False,
    ) -> None:
        if list(taps) != sorted(set(taps)) or width % heads:
            raise segzoo.OptionError(
                f"TIPSv2 needs taps in order and width a multiple of heads, got taps={list(taps)}, width={width}, "
                f"heads={heads}"
            )
        first = STAGES[0]
        token = width if class_token else 0
        super().__init__(
            segzoo.FeatureSpec(
                (in_channels, *(0,) * (first - 1), *(width + token,) * MAPS),
                (*(2**entry for entry in range(first)), *(PATCH,) * MAPS),
                (*(0,) * first, *(token,) * MAPS),
            ),
            segzoo.InputSpec(multiple=PATCH),
            segzoo.Preprocessing((0.0,) * in_channels, (1.0,) * in_channels),
        )
        self.taps = tuple(taps)
        self.class_token = class_token
        self.patches = nn.Conv2d(in_channels, width, PATCH, stride=PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.registers = nn.Parameter(torch.zeros(1, registers, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + grid * grid, width))
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.grid = grid
        mlp: Any = SwiGLUPacked if gated else Mlp
        self.blocks = nn.ModuleList(
            Block(
                width,
                heads,
                mlp_ratio=((1 + gated) * hidden + 0.5) / width,  # timm rounds the product down
                qkv_bias=True,
                init_values=1.0,
                drop_path=drop_path_rate * block / max(1, taps[-1] - 1),
                act_layer=nn.SiLU if gated else nn.GELU,
                mlp_layer=mlp,
            )
            for block in range(taps[-1])
        )
        self.norm = LayerNorm(width)
        self.grad_checkpointing = False

    def forward(self, image: Tensor) -> list[Tensor]:
        patches = self.patches(image)  # (B, C, h, w)
        size = patches.shape[-2:]
        tokens = self.embed(patches)
        maps = []
        for after, block in enumerate(self.blocks, start=1):
            tokens = checkpoint(block, tokens, use_reentrant=False) if self.grad_checkpointing else block(tokens)
            if after in self.taps:
                maps.append(self.as_map(self.norm(tokens), size))
        return self.complete(image, dict(zip(STAGES, maps, strict=True)))

    def embed(self, patches: Tensor) -> Tensor:
        """(B, C, h, w) to tokens (B, N, C). Registers have no position."""
        of_class, of_patches = self.positions[:, :1], self.positions[:, 1:]
        of_patches = of_patches.transpose(1, 2).unflatten(2, (self.grid, self.grid))
        of_patches = F.interpolate(of_patches, patches.shape[-2:], mode="bilinear", antialias=True)
        batch = patches.shape[0]
        return torch.cat(
            [
                (self.cls_token + of_class).expand(batch, -1, -1),
                self.registers.expand(batch, -1, -1),
                (patches + of_patches).flatten(2).transpose(1, 2),
            ],
            dim=1,
        )

    def as_map(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        """Tokens (B, N, C) to (B, C, h, w), or (B, 2C, h, w) with the class token."""
        feature = tokens[:, 1 + self.registers.shape[1] :].transpose(1, 2).unflatten(2, tuple(size))
        if not self.class_token:
            return feature
        return torch.cat([feature, tokens[:, 0, :, None, None].expand_as(feature)], dim=1)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        self.grad_checkpointing = enable

    def no_weight_decay(self) -> set[str]:
        return {"cls_token", "registers", "positions"}

    def group_matcher(self, coarse: bool = False) -> segzoo.Matcher:
        return {"stem": r"^cls_token|registers|positions|patches", "blocks": r"^blocks\.(\d+)"}
