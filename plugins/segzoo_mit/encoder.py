"""Mix Transformer, the encoder of SegFormer, arXiv:2105.15203 (figure 2, left).

B  batch
C  channels of a stage
H  height of its grid, one cell per token
W  width of its grid
N  attention heads
D  channels of a head

Between stages a map is (B, C, H, W), within one it is (B, H, W, C): the same memory in two orders, so that
convolutions, norms and linear layers follow each other without a copy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from einops import rearrange
from timm.layers import DropPath
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import segzoo
from segzoo.options import Dropout

STRIDES = (1, 2, 4, 8, 16, 32)
HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)
EXPANSION = 4
FIRST_STAGE = STRIDES.index(4)


class MixTransformer(segzoo.Encoder):
    """A hierarchical transformer: overlapping patches, efficient self-attention, no position embedding.

    Takes images of any size as they are.

    :param channels: of the four stages, strides 4 to 32.
    :param blocks: transformer blocks in each.
    :param in_channels: of the image.
    :param depth: the deepest stage, 2 to 5; what lies deeper is not built.
    :param drop_path_rate: stochastic depth of the last block, arXiv:1603.09382; it grows linearly from 0.
    :raises OptionError: when the depth is out of range.
    """

    def __init__(
        self,
        channels: Sequence[int],
        blocks: Sequence[int],
        in_channels: int = 3,
        depth: int | None = None,
        drop_path_rate: Dropout = 0.1,
    ) -> None:
        deepest = len(STRIDES) - 1
        depth = deepest if depth is None else depth
        if depth not in range(FIRST_STAGE, deepest + 1):
            raise segzoo.OptionError(
                f"Mix Transformer has no depth {depth!r}: its first map has stride 4, stage {FIRST_STAGE}; "
                f"give a depth from {FIRST_STAGE} to {deepest}"
            )
        super().__init__(
            segzoo.FeatureSpec((in_channels, 0, *channels)[: depth + 1], STRIDES[: depth + 1]),
            preprocessing=segzoo.Preprocessing().for_channels(in_channels),
        )
        growth = drop_path_rate / max(1, sum(blocks) - 1)
        self.stages = nn.ModuleList(
            Stage(
                channels_in=channels[i - 1] if i else in_channels,
                channels=channels[i],
                stride=STRIDES[FIRST_STAGE] if i == 0 else 2,
                heads=HEADS[i],
                reduction=REDUCTIONS[i],
                drop_path_rates=[growth * block for block in range(sum(blocks[:i]), sum(blocks[: i + 1]))],
            )
            for i in range(depth + 1 - FIRST_STAGE)
        )
        self.apply(initialise)

    def forward(self, image: Tensor) -> list[Tensor]:
        features = {}
        feature = image
        for entry, stage in enumerate(self.stages, start=FIRST_STAGE):
            feature = stage(feature)
            features[entry] = feature
        return self.complete(image, features)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        stage: Any
        for stage in self.stages:
            stage.grad_checkpointing = enable

    def group_matcher(self, coarse: bool = False) -> segzoo.Matcher:
        return {
            "stem": r"^stages\.0\.patches",
            "stages": r"^stages\.(\d+)"
            if coarse
            else [
                (r"^stages\.(\d+)\.patches", (0,)),
                (r"^stages\.(\d+)\.blocks\.(\d+)", None),
                (r"^stages\.(\d+)\.norm", (99999,)),  # timm's sign for the layer before
            ],
        }


class Stage(nn.Module):
    """Patches, transformer blocks, and a norm: (B, channels_in, ...) to (B, C, H, W)."""

    def __init__(
        self,
        channels_in: int,
        channels: int,
        stride: int,
        heads: int,
        reduction: int,
        drop_path_rates: Sequence[float],
    ) -> None:
        super().__init__()
        self.patches = OverlapPatchEmbedding(channels_in, channels, stride)
        self.blocks = nn.Sequential(*(Block(channels, heads, reduction, rate) for rate in drop_path_rates))
        self.norm = layer_norm(channels)
        self.grad_checkpointing = False

    def forward(self, feature: Tensor) -> Tensor:
        tokens = self.patches(feature)
        for block in self.blocks:
            tokens = checkpoint(block, tokens, use_reentrant=False) if self.grad_checkpointing else block(tokens)
        return rearrange(self.norm(tokens), "b h w c -> b c h w")


class OverlapPatchEmbedding(nn.Module):
    """Patches of nearly twice the stride, so that neighbours overlap: to (B, H, W, C)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels_in, channels, 2 * stride - 1, stride, padding=stride - 1)
        self.norm = nn.LayerNorm(channels)

    def forward(self, feature: Tensor) -> Tensor:
        return self.norm(rearrange(self.projection(feature), "b c h w -> b h w c"))


class Block(nn.Module):
    """Efficient self-attention and Mix-FFN, each after a norm and around a shortcut."""

    def __init__(self, channels: int, heads: int, reduction: int, drop_path_rate: float) -> None:
        super().__init__()
        self.attention_norm = layer_norm(channels)
        self.attention = EfficientSelfAttention(channels, heads, reduction)
        self.ffn_norm = layer_norm(channels)
        self.ffn = MixFFN(channels)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.drop_path(self.attention(self.attention_norm(tokens)))
        return tokens + self.drop_path(self.ffn(self.ffn_norm(tokens)))


class EfficientSelfAttention(nn.Module):
    """Each token attends to a grid that is coarser by `reduction` in height and width."""

    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.reduction = SequenceReduction(channels, reduction) if reduction > 1 else nn.Identity()
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.output = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        reduced = self.reduction(tokens)
        query, key, value = (
            rearrange(projected, "b h w (n d) -> b n (h w) d", n=self.heads)
            for projected in (self.query(tokens), self.key(reduced), self.value(reduced))
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.output(rearrange(attended, "b n (h w) d -> b h w (n d)", h=tokens.shape[1]))


class SequenceReduction(nn.Module):
    """One token from each window of ratio x ratio: (B, H, W, C) to (B, H / ratio, W / ratio, C), rounded down."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio
        self.projection = nn.Conv2d(channels, channels, ratio, stride=ratio)
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        grid = rearrange(tokens, "b h w c -> b c h w")
        height, width = grid.shape[-2:]
        if min(height, width) < self.ratio:  # images below 29 pixels: nothing would be left to attend to
            grid = F.pad(grid, (0, max(0, self.ratio - width), 0, max(0, self.ratio - height)))
        return self.norm(rearrange(self.projection(grid), "b c h w -> b h w c"))


class MixFFN(nn.Module):
    """Two linear layers around a depthwise convolution, whose zero padding tells a token where it stands."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = EXPANSION * channels
        self.expand = nn.Linear(channels, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.contract = nn.Linear(hidden, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        grid = rearrange(self.expand(tokens), "b h w c -> b c h w")
        mixed = rearrange(self.depthwise(grid), "b c h w -> b h w c")
        return self.contract(F.gelu(mixed))


def layer_norm(channels: int) -> nn.LayerNorm:
    """For blocks and stages; what follows a convolution has torch's own epsilon, as published weights expect."""
    return nn.LayerNorm(channels, eps=1e-6)


def initialise(module: nn.Module) -> None:
    """Linear layers truncated normal, convolutions normal by the fan-out of a group, biases zero."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
    elif isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
