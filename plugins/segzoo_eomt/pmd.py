"""PMT, arXiv:2603.25398: the Plain Mask Decoder, PMD, on the maps of a frozen transformer.

B     batch
C     channels of a map, without those of the class token
D     width of a token
K     classes
P     1 with a class token, else 0
Q     queries
h, w  size of the maps
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import torch
from annotated_types import Ge, Le, MultipleOf
from timm.layers import LayerScale
from torch import Tensor, nn

import segzoo
from segzoo.nn import MLP, BatchNorm2d
from segzoo.options import Count, OutputStride
from segzoo_eomt.block import Block
from segzoo_eomt.positions import RotaryPositions
from segzoo_eomt.queries import JoinedQueries, QueryCount

HEAD_WIDTH = 64
"""Channels of an attention head, in all of the paper's models."""
PYRAMID_WIDTH = 384
"""The paper's smallest."""


class PMDDecoder(JoinedQueries):
    """Maps of several depths are adapted and summed; queries and patches then go through a few light blocks together.

    Made for a transformer that stays as it is: `model.freeze_encoder()`. One such encoder may serve many models.

    The paper gives each map through the encoder's final norm to a batch norm. A layer norm without weights is the same
    there, since the batch norm has the weights. It keeps the registers of DINOv2 and DINOv3 among the tokens; here the
    class token alone joins the patches, as encoders give no more. Of a pyramid, which the paper doesn't take, the
    maps of the deepest one's stride and channels are taken, mostly one.

    :param queries: the most segments that an image can be told to have. The paper takes 100 for semantic segmentation
        and 200 for the other tasks.
    :param width: of the tokens, a multiple of 64; if None that of a transformer's maps, as in the paper, rounded to the
        next multiple, and on a pyramid 384, the paper's smallest. Maps of another width are projected.
    :param blocks: transformer blocks.
    :param rescale: in training positions are stretched by a factor up to this one, or shrunk, by chance; 1 leaves them.
    :param output_stride: what to wish for where a pyramid's deepest map is coarser: 8, 16, or None for nothing.
    """

    prefix = "concat"
    role = "patches"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        queries: QueryCount = 100,
        width: Annotated[int, MultipleOf(HEAD_WIDTH), Ge(HEAD_WIDTH), Le(65536)] | None = None,
        blocks: Count = 6,
        rescale: Annotated[float, Ge(1), Le(16)] = 2.0,
    ) -> None:
        channels = stages.channels[-1] - stages.token_channels[-1]
        width = HEAD_WIDTH * -(-channels // HEAD_WIDTH) if width is None else width
        super().__init__(stages, classes, queries, width, stages.strides[-1], blocks)
        self.adapters = nn.ModuleList(Adapter(channels, width) for _ in stages.channels)
        self.positions = RotaryPositions(HEAD_WIDTH, rescale)
        self.blocks = nn.ModuleList(Block(width, width // HEAD_WIDTH) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 16, **options: Any) -> segzoo.Selection:
        """The maps that share the deepest one's stride and channels."""
        deepest = super().negotiate(offer).stages[-1]
        kinds = list(zip(offer.strides, offer.channels, offer.token_channels, strict=True))
        alike = tuple(stage for stage in offer.native if kinds[stage] == kinds[deepest])
        if offer.isotropic:
            return segzoo.Selection(alike, prefix=cls.prefix, roles=(cls.role,) * len(alike))
        return segzoo.Selection(
            alike,
            output_stride=output_stride,
            prefix=cls.prefix,
            roles=(cls.role,) * len(alike),
            options={"width": PYRAMID_WIDTH} if options["width"] is None else {},
            notes=("pmd: made for a transformer of one resolution; of a pyramid it takes the deepest stride alone",),
        )

    def forward(self, features: list[Tensor]) -> segzoo.Queries:
        """(B, C, h, w) each, and a class token's channels, to masks (B, Q, h', w') and classes (B, Q, K + 1)."""
        grid, token = features[-1].shape[-2:], self.stages.token_channels[-1]
        adapted = [adapt(_tokens(map, token)) for adapt, map in zip(self.adapters, features, strict=True)]
        tokens = torch.stack(adapted).sum(dim=0)
        positions = self.positions(tokens, grid)
        blocks = [partial(_through, block, positions) for block in self.blocks]
        return self.join(tokens, int(token > 0), grid, blocks, self.norm)


class Adapter(nn.Module):
    """What a frozen map needs to be summed with others: norms, an MLP with a shortcut, a scale."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.batch_norm = BatchNorm2d(channels)
        self.project = nn.Linear(channels, width) if channels != width else nn.Identity()
        self.mlp = MLP(width, width // 2, width, layers=2, act="gelu")
        self.scale = LayerScale(width, init_values=1.0)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, P + h * w, C) to (B, P + h * w, D)."""
        normed = self.batch_norm(self.norm(tokens).transpose(1, 2).unsqueeze(-1))
        tokens = self.project(normed.squeeze(-1).transpose(1, 2))
        return self.scale(tokens + self.mlp(tokens))


def _tokens(map: Tensor, class_token: int) -> Tensor:
    """A map as tokens (B, P + h * w, C): in front the class token, which its last channels hold, the same all over."""
    patches = map[:, : map.shape[1] - class_token].flatten(2)
    token = map[:, map.shape[1] - class_token :, :1, :1].flatten(2)
    return torch.cat([token, patches] if class_token else [patches], dim=2).transpose(1, 2)


def _through(block: nn.Module, positions: tuple[Tensor, Tensor], tokens: Tensor, mask: Tensor | None) -> Tensor:
    return block(tokens, positions, mask)
