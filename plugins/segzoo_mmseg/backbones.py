"""mmsegmentation's backbones: which of segzoo's encoders has their weights, seen by names and shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

import segzoo

Weights = Mapping[str, Tensor]
RESNETS: Mapping[
    tuple[tuple[int, ...], bool], str
] = {  # by blocks of the four layers, and whether they are bottlenecks
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), False): "resnet34",
    ((3, 4, 6, 3), True): "resnet50",
    ((3, 4, 23, 3), True): "resnet101",
    ((3, 8, 36, 3), True): "resnet152",
}
RESNET: segzoo.Table = {
    "backbone.stem.6": "encoder.body.conv1.6",
    "backbone.stem.7": "encoder.body.bn1",
    "backbone.stem": "encoder.body.conv1",
    "backbone": "encoder.body",
}
MIX_TRANSFORMERS: Mapping[
    tuple[int, tuple[int, ...]], str
] = {  # by channels of the first stage, and blocks: table 6 of arXiv:2105.15203
    (32, (2, 2, 2, 2)): "mit_b0",
    (64, (2, 2, 2, 2)): "mit_b1",
    (64, (3, 4, 6, 3)): "mit_b2",
    (64, (3, 4, 18, 3)): "mit_b3",
    (64, (3, 8, 27, 3)): "mit_b4",
    (64, (3, 6, 40, 3)): "mit_b5",
}
MIX_TRANSFORMER: segzoo.Table = segzoo.under(
    "backbone.layers.{}",
    "encoder.stages.{}",
    {"0": "patches", "2": "norm"},
    segzoo.under(
        "1.{}",
        "blocks.{}",
        {
            "norm1": "attention_norm",
            "norm2": "ffn_norm",
            **{
                f"attn.attn.in_proj_{kind}": segzoo.split(
                    *(f"attention.{name}.{kind}" for name in ("query", "key", "value"))
                )
                for kind in ("weight", "bias")
            },
            "attn.attn.out_proj": "attention.output",
            "attn.sr": "attention.reduction.projection",
            "attn.norm": "attention.reduction.norm",
            # 1x1 convolutions there are linear layers here
            "ffn.layers.0.weight": segzoo.change("ffn.expand.weight", lambda weight: weight.flatten(1)),
            "ffn.layers.0": "ffn.expand",
            "ffn.layers.1": "ffn.depthwise",
            "ffn.layers.4.weight": segzoo.change("ffn.contract.weight", lambda weight: weight.flatten(1)),
            "ffn.layers.4": "ffn.contract",
        },
    ),
)


def by_position(weight: Tensor) -> Tensor:
    """Of four merged tokens mmsegmentation has the channels outermost, segzoo the column, then the row."""
    *outputs, merged = weight.shape
    return weight.reshape(*outputs, merged // 4, 2, 2).movedim((-1, -2, -3), (-3, -2, -1)).reshape(weight.shape)


SWIN: segzoo.Table = {
    "backbone.patch_embed.projection": "encoder.patches",
    "backbone.patch_embed.norm": "encoder.patches_norm",
    "backbone.norm{}": "encoder.norms.{}",
    **{
        f"backbone.stages.{stage}.downsample": segzoo.change(f"encoder.stages.{stage + 1}.merge", by_position)
        for stage in range(3)
    },
    **segzoo.under(
        "backbone.stages.{}.blocks.{}",
        "encoder.stages.{}.blocks.{}",
        {
            "attn.w_msa.relative_position_index": None,
            "attn.w_msa": "attn",
            "ffn.layers.0.0": "mlp.fc1",
            "ffn.layers.1": "mlp.fc2",
            "norm1": "norm1",
            "norm2": "norm2",
        },
    ),
}


@dataclass(frozen=True)
class Backbone:
    """An encoder of segzoo's that has a backbone's weights.

    :param dilates: whether published models without a pyramid dilate it.
    """

    encoder: str
    in_channels: int
    names: segzoo.Table
    options: Mapping[str, Any] = field(default_factory=dict)
    dilates: bool = False


def find_backbone(weights: Weights) -> Backbone:
    """The encoder.

    :raises CheckpointError: when segzoo has none that is the same.
    """
    for mark, read in BACKBONES.items():
        if mark in weights:
            return read(weights)
    found = [name for name in weights if name.startswith("backbone.")][:3]
    raise segzoo.CheckpointError(
        "this backbone can't be imported: segzoo reads ResNet, Mix Transformer and Swin Transformer of "
        f"mmsegmentation, and this one has weights such as {', '.join(found) or 'none'}"
    )


def _resnet(weights: Weights) -> Backbone:
    blocks = tuple(_count(weights, rf"backbone\.layer{layer}\.(\d+)\.conv1\.weight") for layer in range(1, 5))
    encoder = RESNETS.get((blocks, "backbone.layer1.0.conv3.weight" in weights))
    if encoder is None or weights["backbone.layer1.0.conv2.weight"].shape[:2] != (
        64,
        64,
    ):  # groups and wide bottlenecks show in the 3x3 convolution
        raise segzoo.CheckpointError(
            f"this ResNet of {blocks} blocks can't be imported: segzoo reads {', '.join(RESNETS.values())}, "
            "without groups, in their own widths"
        )
    options: dict[str, Any] = {}
    first = weights.get("backbone.stem.0.weight")
    if first is not None:
        options |= {"stem_type": "deep", "stem_width": first.shape[0]}
    else:
        first = weights["backbone.conv1.weight"]
    if "backbone.layer2.0.downsample.2.weight" in weights:
        options["avg_down"] = True
    return Backbone(f"timm/{encoder}", first.shape[1], RESNET, options, dilates=True)


def _mix_transformer(weights: Weights) -> Backbone:
    first = weights["backbone.layers.0.0.projection.weight"]
    blocks = tuple(
        _count(weights, rf"backbone\.layers\.{stage}\.1\.(\d+)\.attn\.attn\.in_proj_weight") for stage in range(4)
    )
    encoder = MIX_TRANSFORMERS.get((first.shape[0], blocks))
    if encoder is None:
        raise segzoo.CheckpointError(
            f"this Mix Transformer of {first.shape[0]} channels and {blocks} blocks can't be imported: it is none of "
            f"{', '.join(MIX_TRANSFORMERS.values())}"
        )
    return Backbone(f"mit/{encoder}", first.shape[1], MIX_TRANSFORMER)


def _swin(weights: Weights) -> Backbone:
    if "backbone.absolute_pos_embed" in weights:
        raise segzoo.CheckpointError(
            "this Swin Transformer can't be imported: it has absolute position embeddings, and segzoo's has none"
        )
    first = weights["backbone.patch_embed.projection.weight"]
    tables = [
        weights[f"backbone.stages.{stage}.blocks.0.attn.w_msa.relative_position_bias_table"] for stage in range(4)
    ]
    options = {
        "width": first.shape[0],
        "blocks": [_count(weights, rf"backbone\.stages\.{i}\.blocks\.(\d+)\.norm1\.weight") for i in range(4)],
        "heads": [table.shape[1] for table in tables],
        "window": (round(tables[0].shape[0] ** 0.5) + 1) // 2,
        "drop_path_rate": 0.3,
    }
    return Backbone("swin/swin", first.shape[1], SWIN, options)


def _count(weights: Weights, pattern: str) -> int:
    found = [int(match[1]) for match in map(re.compile(pattern).fullmatch, weights) if match]
    return max(found, default=-1) + 1


BACKBONES: Mapping[str, Callable[[Weights], Backbone]] = {
    "backbone.layer1.0.conv1.weight": _resnet,
    "backbone.layers.0.1.0.attn.attn.in_proj_weight": _mix_transformer,
    "backbone.stages.0.blocks.0.attn.w_msa.relative_position_bias_table": _swin,
}
"""By a weight that each has, and others haven't."""
