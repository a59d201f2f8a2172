"""The recipes of SMP's own encoders, by SMP's names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import segzoo
from segzoo_smp.pretrainedmodels import PRETRAINEDMODELS
from segzoo_smp.recipe import Recipe, Stages


def find_recipe(name: str) -> Recipe | None:
    """The recipe of an encoder by SMP's name; None for those that aren't made of timm's layers."""
    return RECIPES.get(name)


def _blocks(repeats: Sequence[int]) -> list[str]:
    """Timm's paths of the blocks that SMP counts through."""
    return [f"blocks.{stage}.{block}" for stage, count in enumerate(repeats) for block in range(count)]


RESNET: Stages = (("conv1", "bn1", "act1"), ("maxpool", "layer1"), ("layer2",), ("layer3",), ("layer4",))
EFFICIENTNET: Stages = (
    ("conv_stem", "bn1"),
    ("blocks.0", "blocks.1"),
    ("blocks.2",),
    ("blocks.3", "blocks.4"),
    ("blocks.5", "blocks.6"),
)
MOBILENET: Stages = (
    ("conv_stem", "bn1", "blocks.0"),
    ("blocks.1",),
    ("blocks.2",),
    ("blocks.3", "blocks.4"),
    ("blocks.5", "blocks.6", "conv_head", "bn2"),
)
DENSENET: Stages = (
    ("features.conv0", "features.norm0"),
    ("features.pool0", "features.denseblock1", "features.transition1.norm"),
    *(
        (
            f"features.transition{i}.conv",
            f"features.transition{i}.pool",
            f"features.denseblock{i + 1}",
            f"features.transition{i + 1}.norm" if i < 3 else "features.norm5",
        )
        for i in (1, 2, 3)
    ),
)
MOBILENET_FIRST: segzoo.Table = {"0.0": "conv_dw", "0.1": "bn1", "1": "conv_pw", "2": "bn2"}
MOBILENET_BLOCK: segzoo.Table = {
    **{"0.0": "conv_pw", "0.1": "bn1", "1.0": "conv_dw", "1.1": "bn2", "2": "conv_pwl", "3": "bn3"}
}
EFFICIENTNET_FIRST: segzoo.Table = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
"""Of the blocks of the first stage, which have no expansion, and so one norm fewer."""
EFFICIENTNET_BLOCK: segzoo.Table = {
    **{"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"},
    **{"_project_conv": "conv_pwl", "_bn2": "bn3"},
}
EFFICIENTNET_SQUEEZE: segzoo.Table = {"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}


def _mobilenet_names() -> segzoo.Table:
    """Of `encoder`; SMP counts the blocks through."""
    rows: dict[str, Any] = {"features.0.0": "conv_stem", "features.0.1": "bn1"}
    for number, block in enumerate(_blocks((1, 2, 3, 4, 3, 3, 1)), start=1):
        rows |= segzoo.under(f"features.{number}.conv", block, MOBILENET_FIRST if number == 1 else MOBILENET_BLOCK)
    return {**rows, "features.18.0": "conv_head", "features.18.1": "bn2"}


def _efficientnet_names(blocks: Sequence[str]) -> segzoo.Table:
    """Likewise."""
    rows: dict[str, Any] = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    for number, block in enumerate(blocks):
        kind = EFFICIENTNET_FIRST if block.startswith("blocks.0.") else EFFICIENTNET_BLOCK
        rows |= segzoo.under(f"_blocks.{number}", block, kind, EFFICIENTNET_SQUEEZE)
    return rows


def _efficientnet(size: int, growth: float, side: int, *taps: int) -> Recipe:
    """EfficientNet with TensorFlow's padding and epsilon; SMP takes a map after each of four blocks.

    :param growth: in depth.
    :param taps: numbers of those blocks.
    """
    blocks = _blocks([math.ceil(growth * repeats) for repeats in (1, 2, 2, 3, 3, 4, 1)])
    ends = [0, *(tap + 1 for tap in taps)]
    return Recipe(
        f"efficientnet_b{size}",
        (("conv_stem", "bn1"), *(tuple(blocks[ends[i] : ends[i + 1]]) for i in range(len(taps)))),
        {"bn_eps": 1e-3},
        _efficientnet_names(blocks),
        padded_for=side,
    )


RECIPES: Mapping[str, Recipe] = {
    **{
        name: Recipe(name, RESNET, like_timm=True)
        for name in (
            *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d"),
            *("resnext101_32x4d", "resnext101_32x8d", "resnext101_32x16d", "resnext101_32x32d"),
        )
    },
    "resnext101_32x48d": Recipe("resnext101_32x32d", RESNET, {"base_width": 48}, like_timm=True),
    **{
        f"timm-{name}": Recipe(name, RESNET, {"block_args": {"sk_kwargs": {"rd_ratio": 1 / 8}}}, like_timm=True)
        for name in ("skresnet18", "skresnet34")
    },
    "timm-skresnext50_32x4d": Recipe("skresnext50_32x4d", RESNET, {"block_args": {}}, like_timm=True),
    **{
        f"densenet{layers}": Recipe(f"densenet{layers}", DENSENET, dilates=False, without_act=("features.norm5",))
        for layers in (121, 161, 169, 201)
    },
    "mobilenet_v2": Recipe("mobilenetv2_100", MOBILENET, names=_mobilenet_names()),
    **{
        f"timm-efficientnet-{size}": Recipe(f"efficientnet_{size}", EFFICIENTNET)
        for size in ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "l2")
    },
    **{f"timm-tf_efficientnet_lite{size}": Recipe(f"efficientnet_lite{size}", EFFICIENTNET) for size in range(5)},
    "efficientnet-b0": _efficientnet(0, 1.0, 224, 2, 4, 8, 15),
    "efficientnet-b1": _efficientnet(1, 1.1, 240, 4, 7, 15, 22),
    "efficientnet-b2": _efficientnet(2, 1.2, 260, 4, 7, 15, 22),
    "efficientnet-b3": _efficientnet(3, 1.4, 300, 4, 7, 17, 25),
    "efficientnet-b4": _efficientnet(4, 1.8, 380, 5, 9, 21, 31),
    "efficientnet-b5": _efficientnet(5, 2.2, 456, 7, 12, 26, 38),
    "efficientnet-b6": _efficientnet(6, 2.6, 528, 8, 14, 30, 44),
    "efficientnet-b7": _efficientnet(7, 3.1, 600, 10, 17, 37, 54),
    **PRETRAINEDMODELS,
}
"""By SMP's names."""
