"""mmsegmentation's models, written anew from their published configurations.

mmsegmentation itself doesn't run beside today's torch: the compiled part of mmcv, which it imports, isn't built for it.

What matters is that the names and shapes of the weights are mmsegmentation's: `digest` of each of these models is held
against what mmsegmentation 1.2.2 itself gave for the same configuration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet


def digest(weights: Mapping[str, Tensor]) -> str:
    """Of names and shapes."""
    lines = sorted(f"{name} {tuple(weight.shape)}" for name, weight in weights.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def resized(features: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(features, tuple(size), mode="bilinear", align_corners=False)


class ConvModule(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int = 1, dilation: int = 1, groups: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, features: Tensor) -> Tensor:
        return self.bn(self.conv(features)).relu()


class SeparableConvModule(nn.Module):
    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__()
        self.depthwise_conv = ConvModule(inputs, inputs, 3, dilation, groups=inputs)
        self.pointwise_conv = ConvModule(inputs, outputs)

    def forward(self, features: Tensor) -> Tensor:
        return self.pointwise_conv(self.depthwise_conv(features))


class Model(nn.Module):
    """Backbone, decode head, perhaps an auxiliary head on its third map: logits of the image's size."""

    def __init__(self, backbone: nn.Module, decode_head: nn.Module, auxiliary_head: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.decode_head = decode_head
        self.auxiliary_head = auxiliary_head

    def forward(self, image: Tensor) -> Tensor:
        return resized(self.decode_head(self.backbone(image)), image.shape[-2:])

    def auxiliary(self, image: Tensor) -> Tensor:
        assert self.auxiliary_head is not None
        return resized(self.auxiliary_head(self.backbone(image)[2:3]), image.shape[-2:])


# Backbones


class ResNetV1c(nn.Module):
    """torchvision's ResNet with a stem of three convolutions."""

    def __init__(self, depth: int = 50, dilated: bool = True) -> None:
        super().__init__()
        block, blocks = {18: (BasicBlock, [2, 2, 2, 2]), 50: (Bottleneck, [3, 4, 6, 3])}[depth]
        body = ResNet(block, blocks, replace_stride_with_dilation=[False, dilated, dilated])
        self.stem = nn.Sequential(
            *(nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()),
        )
        for layer in range(1, 5):
            setattr(self, f"layer{layer}", getattr(body, f"layer{layer}"))

    def forward(self, image: Tensor) -> list[Tensor]:
        feature = F.max_pool2d(self.stem(image), 3, 2, 1)
        maps = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            feature = layer(feature)
            maps.append(feature)
        return maps


def layer_norm(channels: int) -> nn.LayerNorm:
    return nn.LayerNorm(channels, eps=1e-6)


def tokens_of(grid: Tensor) -> Tensor:
    return grid.flatten(2).transpose(1, 2)


def grid_of(tokens: Tensor, size: Sequence[int]) -> Tensor:
    return tokens.transpose(1, 2).unflatten(2, tuple(size))


class Patches(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, norm: nn.Module) -> None:
        super().__init__()
        self.projection = nn.Conv2d(inputs, outputs, kernel, stride, padding=0 if kernel == stride else kernel // 2)
        self.norm = norm

    def forward(self, grid: Tensor) -> tuple[Tensor, tuple[int, int]]:
        grid = self.projection(grid)
        return self.norm(tokens_of(grid)), (grid.shape[-2], grid.shape[-1])


class ReducedAttention(nn.Module):
    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.reduction = reduction
        if reduction > 1:
            self.sr = nn.Conv2d(channels, channels, reduction, reduction)
            self.norm = layer_norm(channels)

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        seen = tokens
        if self.reduction > 1:
            seen = self.norm(tokens_of(self.sr(grid_of(tokens, size))))
        return self.attn(tokens, seen, seen, need_weights=False)[0]


class ConvFFN(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = 4 * channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.GELU(),
            nn.Dropout(0.0),
            nn.Conv2d(hidden, channels, 1),
        )

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        return tokens_of(self.layers(grid_of(tokens, size)))


class MixBlock(nn.Module):
    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = layer_norm(channels), layer_norm(channels)
        self.attn = ReducedAttention(channels, heads, reduction)
        self.ffn = ConvFFN(channels)

    def forward(self, tokens: Tensor, size: Sequence[int]) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens), size)
        return tokens + self.ffn(self.norm2(tokens), size)


class MixVisionTransformer(nn.Module):
    def __init__(self, width: int = 32, blocks: Sequence[int] = (2, 2, 2, 2)) -> None:
        super().__init__()
        self.channels = [width * heads for heads in (1, 2, 5, 8)]
        self.layers = nn.ModuleList()
        inputs = 3
        for stage, (channels, heads, reduction) in enumerate(
            zip(self.channels, (1, 2, 5, 8), (8, 4, 2, 1), strict=True)
        ):
            kernel, stride = (3, 2) if stage else (7, 4)
            self.layers.append(
                nn.ModuleList(
                    [
                        Patches(inputs, channels, kernel, stride, layer_norm(channels)),
                        nn.ModuleList(MixBlock(channels, heads, reduction) for _ in range(blocks[stage])),
                        layer_norm(channels),
                    ]
                )
            )
            inputs = channels

    def forward(self, grid: Tensor) -> list[Tensor]:
        maps = []
        for patches, blocks, norm in self.layers:
            tokens, size = patches(grid)
            for block in blocks:
                tokens = block(tokens, size)
            grid = grid_of(norm(tokens), size)
            maps.append(grid)
        return maps


class WindowAttention(nn.Module):
    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.relative_position_bias_table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads) / 5)
        at = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        apart = at[:, :, None] - at[:, None, :] + window - 1
        self.register_buffer("relative_position_index", apart[0] * (2 * window - 1) + apart[1])
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        """(B, windows, N, C), a mask (windows, N, N)."""
        query, key, value = self.qkv(windows).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        if mask is not None:
            bias = bias + mask[:, None]
        attended = F.scaled_dot_product_attention(query, key, value, bias.expand(*query.shape[:4], query.shape[3]))
        return self.proj(attended.transpose(2, 3).flatten(3))


class ShiftedWindows(nn.Module):
    def __init__(self, channels: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.w_msa = WindowAttention(channels, heads, window)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        (height, width), window = size, self.window
        grid = F.pad(tokens.unflatten(1, size), (0, 0, 0, -width % window, 0, -height % window))
        rows, columns = grid.shape[1:3]
        where = torch.zeros(1, rows, columns, 1)
        if self.shift:
            grid = grid.roll((-self.shift, -self.shift), (1, 2))
            for edge in (window, self.shift):
                where[:, rows - edge :] += 10
                where[:, :, columns - edge :] += 1
        region = self.split(where)[0, :, :, 0]
        mask = -100.0 * (region[:, :, None] != region[:, None, :]) if self.shift else None
        attended = self.w_msa(self.split(grid), mask)
        attended = attended.unflatten(1, (rows // window, columns // window)).unflatten(3, (window, window))
        grid = attended.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        if self.shift:
            grid = grid.roll((self.shift, self.shift), (1, 2))
        return grid[:, :height, :width].flatten(1, 2)

    def split(self, grid: Tensor) -> Tensor:
        """(B, H, W, C) to (B, windows, N, C)."""
        rows = grid.unflatten(1, (-1, self.window)).unflatten(3, (-1, self.window))
        return rows.transpose(2, 3).flatten(3, 4).flatten(1, 2)


class FFN(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        expand = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU())
        self.layers = nn.Sequential(expand, nn.Linear(4 * channels, channels))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.layers(tokens)


class SwinBlock(nn.Module):
    def __init__(self, channels: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attn = ShiftedWindows(channels, heads, window, shift)
        self.ffn = FFN(channels)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens), size)
        return tokens + self.ffn(self.norm2(tokens))


class Merging(nn.Module):
    """Four tokens into one, their channels in the order in which `F.unfold` gives them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> tuple[Tensor, tuple[int, int]]:
        height, width = size
        grid = F.pad(grid_of(tokens, size), (0, width % 2, 0, height % 2))
        merged = F.unfold(grid, 2, stride=2).transpose(1, 2)
        return self.reduction(self.norm(merged)), (-(-height // 2), -(-width // 2))


class SwinStage(nn.Module):
    def __init__(self, channels: int, blocks: int, heads: int, window: int, merge: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            SwinBlock(channels, heads, window, shift=window // 2 if odd % 2 else 0) for odd in range(blocks)
        )
        self.downsample = Merging(channels) if merge else None


class SwinTransformer(nn.Module):
    def __init__(self, width: int, blocks: Sequence[int], heads: Sequence[int], window: int) -> None:
        super().__init__()
        self.channels = [width * 2**stage for stage in range(4)]
        self.patch_embed = Patches(3, width, 4, 4, nn.LayerNorm(width))
        self.stages = nn.ModuleList(
            SwinStage(self.channels[stage], blocks[stage], heads[stage], window, merge=stage < 3) for stage in range(4)
        )
        for stage, channels in enumerate(self.channels):
            setattr(self, f"norm{stage}", nn.LayerNorm(channels))

    def forward(self, image: Tensor) -> list[Tensor]:
        height, width = image.shape[-2:]
        tokens, size = self.patch_embed(F.pad(image, (0, -width % 4, 0, -height % 4)))
        maps = []
        for number, stage in enumerate(self.stages):
            for block in stage.blocks:
                tokens = block(tokens, size)
            maps.append(grid_of(getattr(self, f"norm{number}")(tokens), size))
            if stage.downsample is not None:
                tokens, size = stage.downsample(tokens, size)
        return maps


# Heads


class FCNHead(nn.Module):
    def __init__(self, inputs: int, width: int, classes: int, convs: int = 1, concat_input: bool = False) -> None:
        super().__init__()
        widths = [inputs] + [width] * (convs - 1)
        self.convs = nn.Sequential(*(ConvModule(each, width, 3) for each in widths))
        self.conv_cat = ConvModule(inputs + width, width, 3) if concat_input else None
        self.conv_seg = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        features = self.convs(maps[-1])
        if self.conv_cat is not None:
            features = self.conv_cat(torch.cat([maps[-1], features], dim=1))
        return self.conv_seg(features)


class FPN(nn.Module):
    """The neck of Semantic FPN."""

    def __init__(self, inputs: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(named(conv=nn.Conv2d(each, width, 1)) for each in inputs)
        self.fpn_convs = nn.ModuleList(named(conv=nn.Conv2d(width, width, 3, padding=1)) for _ in inputs)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        levels = [lateral.conv(each) for lateral, each in zip(self.lateral_convs, maps, strict=True)]
        for fine in reversed(range(len(levels) - 1)):
            levels[fine] = levels[fine] + F.interpolate(levels[fine + 1], levels[fine].shape[-2:])
        return [output.conv(level) for output, level in zip(self.fpn_convs, levels, strict=True)]


class FPNHead(nn.Module):
    """With group norms, as in Detectron; in mmsegmentation an option."""

    def __init__(self, inputs: int, width: int, classes: int, levels: int = 4) -> None:
        super().__init__()
        self.scale_heads = nn.ModuleList()
        for level in range(levels):
            steps: list[nn.Module] = []
            for step in range(max(1, level)):
                conv = nn.Conv2d(width if step else inputs, width, 3, padding=1, bias=False)
                steps.append(named(conv=conv, gn=nn.GroupNorm(32, width)))
                if level:
                    steps.append(nn.Upsample(scale_factor=2, mode="bilinear"))
            self.scale_heads.append(nn.Sequential(*steps))
        self.conv_seg = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        total = torch.zeros(())
        for level, steps in zip(maps, self.scale_heads, strict=True):
            for step in steps:
                level = step(level) if isinstance(step, nn.Upsample) else step.gn(step.conv(level)).relu()
            total = total + resized(level, maps[0].shape[-2:])
        return self.conv_seg(total)


def named(**children: nn.Module) -> nn.Module:
    """What holds a module's weights under mmcv's names."""
    parent = nn.Module()
    for name, child in children.items():
        parent.add_module(name, child)
    return parent


class SegformerHead(nn.Module):
    def __init__(self, inputs: Sequence[int], width: int, classes: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(ConvModule(each, width) for each in inputs)
        self.fusion_conv = ConvModule(width * len(inputs), width)
        self.conv_seg = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        joined = [resized(conv(each), maps[0].shape[-2:]) for conv, each in zip(self.convs, maps, strict=True)]
        return self.conv_seg(self.fusion_conv(torch.cat(joined, dim=1)))


def pooled_branches(inputs: int, width: int) -> nn.ModuleList:
    return nn.ModuleList(
        nn.Sequential(nn.AdaptiveAvgPool2d(cells), ConvModule(inputs, width)) for cells in (1, 2, 3, 6)
    )


class PSPHead(nn.Module):
    def __init__(self, inputs: int, width: int, classes: int) -> None:
        super().__init__()
        self.psp_modules = pooled_branches(inputs, width)
        self.bottleneck = ConvModule(inputs + 4 * width, width, 3)
        self.conv_seg = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.conv_seg(self.context(maps[-1]))

    def context(self, deepest: Tensor) -> Tensor:
        pooled = [resized(branch(deepest), deepest.shape[-2:]) for branch in self.psp_modules]
        return self.bottleneck(torch.cat([deepest, *pooled], dim=1))


class UPerHead(PSPHead):
    def __init__(self, inputs: Sequence[int], width: int, classes: int) -> None:
        super().__init__(inputs[-1], width, classes)
        self.lateral_convs = nn.ModuleList(ConvModule(each, width) for each in inputs[:-1])
        self.fpn_convs = nn.ModuleList(ConvModule(width, width, 3) for _ in inputs[:-1])
        self.fpn_bottleneck = ConvModule(width * len(inputs), width, 3)

    def forward(self, maps: list[Tensor]) -> Tensor:
        *finer, deepest = maps
        levels = [lateral(each) for lateral, each in zip(self.lateral_convs, finer, strict=True)]
        levels.append(self.context(deepest))
        for level in (2, 1, 0):
            levels[level] = levels[level] + resized(levels[level + 1], levels[level].shape[-2:])
        out = [conv(each) for conv, each in zip(self.fpn_convs, levels[:-1], strict=True)] + levels[-1:]
        joined = torch.cat([resized(each, out[0].shape[-2:]) for each in out], dim=1)
        return self.conv_seg(self.fpn_bottleneck(joined))


class ASPPHead(nn.Module):
    """DeepLabV3's; DeepLabV3+'s where a low-level map of some channels is given."""

    def __init__(
        self, inputs: int, width: int, classes: int, low: int = 0, rates: Sequence[int] = (12, 24, 36)
    ) -> None:
        super().__init__()
        self.image_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvModule(inputs, width))
        dilated = (
            (SeparableConvModule(inputs, width, rate) for rate in rates)
            if low
            else (ConvModule(inputs, width, 3, rate) for rate in rates)
        )
        self.aspp_modules = nn.ModuleList([ConvModule(inputs, width), *dilated])
        self.bottleneck = ConvModule(width * (2 + len(rates)), width, 3)
        if low:
            self.c1_bottleneck = ConvModule(low, 48)
            self.sep_bottleneck = nn.Sequential(
                SeparableConvModule(width + 48, width), SeparableConvModule(width, width)
            )
        self.low = low
        self.conv_seg = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        deepest = maps[-1]
        seen = [resized(self.image_pool(deepest), deepest.shape[-2:]), *(conv(deepest) for conv in self.aspp_modules)]
        features = self.bottleneck(torch.cat(seen, dim=1))
        if self.low:
            features = torch.cat([resized(features, maps[0].shape[-2:]), self.c1_bottleneck(maps[0])], dim=1)
            features = self.sep_bottleneck(features)
        return self.conv_seg(features)


# Models

CLASSES = 5
RESNET50 = (256, 512, 1024, 2048)


def segformer() -> Model:
    backbone = MixVisionTransformer()
    return Model(backbone, SegformerHead(backbone.channels, 256, CLASSES))


def upernet_swin() -> Model:
    backbone = SwinTransformer(24, (2, 2, 2, 2), (1, 2, 4, 8), 5)
    return Model(backbone, UPerHead(backbone.channels, 32, CLASSES), FCNHead(96, 256, CLASSES))


def upernet_resnet() -> Model:
    return Model(ResNetV1c(dilated=False), UPerHead(RESNET50, 512, CLASSES), FCNHead(1024, 256, CLASSES))


def pspnet() -> Model:
    return Model(ResNetV1c(), PSPHead(2048, 512, CLASSES), FCNHead(1024, 256, CLASSES))


def deeplabv3() -> Model:
    return Model(ResNetV1c(), ASPPHead(2048, 512, CLASSES), FCNHead(1024, 256, CLASSES))


def deeplabv3plus() -> Model:
    return Model(ResNetV1c(), ASPPHead(2048, 512, CLASSES, low=256), FCNHead(1024, 256, CLASSES))


def fcn() -> Model:
    head = FCNHead(2048, 512, CLASSES, convs=2, concat_input=True)
    return Model(ResNetV1c(), head, FCNHead(1024, 256, CLASSES))


MODELS = {  # with what mmsegmentation 1.2.2's own model of this configuration gives
    "segformer": (segformer, "e1b13e116bc97001"),
    "upernet_swin": (upernet_swin, "e13fc5c3a4fabd26"),
    "upernet_resnet": (upernet_resnet, "ffb413bc8f853038"),
    "pspnet": (pspnet, "1ed7c19b2ff8b056"),
    "deeplabv3": (deeplabv3, "0a657cffc999b5f5"),
    "deeplabv3plus": (deeplabv3plus, "af17e6a543d9ae6d"),
    "fcn": (fcn, "439d652d9c87b212"),
}
