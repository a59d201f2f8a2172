"""A plain transformer without knowledge, whose blocks a decoder can drive.

B  batch
C  channels
T  tokens: those that a decoder puts in front, the class token, and the patches, h times w
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.contract import FeatureSpec, InputSpec
from segzoo.token_encoder import TokenEncoder

HEADS = 2


class SyntheticTransformer(TokenEncoder):
    """As many blocks as a spec says, and its maps from evenly spaced ones of them.

    :param spec: of equal channels and strides, for an image of three channels.
    :param in_channels: of the image.
    """

    prefix = 1

    def __init__(self, spec: FeatureSpec, in_channels: int = 3, input_spec: InputSpec | None = None) -> None:
        channels = (in_channels, *spec.channels[1:])
        super().__init__(FeatureSpec(channels, spec.strides, blocks=spec.blocks), input_spec)
        self.stages = [stage for stage in self.spec.native if stage > 0]
        width = spec.channels[-1]
        self.patches = nn.Conv2d(in_channels, width, 1, stride=spec.strides[-1])
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList(Block(width) for _ in range(spec.blocks))
        self.final_norm = nn.LayerNorm(width)

    def embed(self, image: Tensor) -> tuple[Tensor, tuple[int, int], Any]:
        patches = self.patches(image)
        class_token = self.class_token.expand(image.shape[0], -1, -1)
        tokens = torch.cat([class_token, patches.flatten(2).transpose(1, 2)], dim=1)
        return tokens, (patches.shape[-2], patches.shape[-1]), None

    def block(self, number: int, tokens: Tensor, context: Any, mask: Tensor | None = None) -> Tensor:
        return self.blocks[number](tokens, mask)

    def norm(self, tokens: Tensor) -> Tensor:
        return self.final_norm(tokens)

    def forward(self, image: Tensor) -> list[Tensor]:
        tokens, grid, context = self.embed(image)
        maps = []
        for number in range(self.spec.blocks):
            tokens = self.block(number, tokens, context)
            maps.append(tokens[:, self.prefix :].transpose(1, 2).unflatten(2, grid))
        each = self.spec.blocks // len(self.stages)
        return self.complete(image, dict(zip(self.stages, maps[each - 1 :: each], strict=True)))


class Block(nn.Module):
    """(B, T, C) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        query, key, value = self.qkv(self.norm(tokens)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4).unbind()
        attended = F.scaled_dot_product_attention(query, key, value, mask)
        return tokens + self.project(attended.transpose(1, 2).flatten(2))
