"""mmsegmentation's backbones: which of segzoo's encoders has their weights, seen by names and shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

import segzoo

Rules = list[tuple[str, str]]
Weights = dict[str, Tensor]

RESNETS: Mapping[
    tuple[tuple[int, ...], bool], str
] = {  # by blocks of the four layers, and whether they are bottlenecks
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), False): "resnet34",
    ((3, 4, 6, 3), True): "resnet50",
    ((3, 4, 23, 3), True): "resnet101",
    ((3, 8, 36, 3), True): "resnet152",
}
RESNET: Rules = [
    (r"^backbone\.stem\.([0134])\.", r"encoder.body.conv1.\1."),
    (r"^backbone\.stem\.6\.", "encoder.body.conv1.6."),
    (r"^backbone\.stem\.7\.", "encoder.body.bn1."),
    (r"^backbone\.", "encoder.body."),
]
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
MIX_TRANSFORMER: Rules = [
    (r"^backbone\.layers\.(\d)\.0\.", r"encoder.stages.\1.patches."),
    (r"^backbone\.layers\.(\d)\.1\.", r"encoder.stages.\1.blocks."),
    (r"^backbone\.layers\.(\d)\.2\.", r"encoder.stages.\1.norm."),
    (r"\.norm1\.", ".attention_norm."),
    (r"\.norm2\.", ".ffn_norm."),
    (r"\.attn\.attn\.in_proj_", ".attention.{query,key,value}."),
    (r"\.attn\.attn\.out_proj\.", ".attention.output."),
    (r"\.attn\.sr\.", ".attention.reduction.projection."),
    (r"\.attn\.norm\.", ".attention.reduction.norm."),
    (r"\.ffn\.layers\.0\.", ".ffn.expand."),
    (r"\.ffn\.layers\.1\.", ".ffn.depthwise."),
    (r"\.ffn\.layers\.4\.", ".ffn.contract."),
]
SWIN: Rules = [
    (r"^backbone\.patch_embed\.projection\.", "encoder.patches."),
    (r"^backbone\.patch_embed\.norm\.", "encoder.patches_norm."),
    (r"^backbone\.norm(\d)\.", r"encoder.norms.\1."),
    *((rf"^backbone\.stages\.{stage}\.downsample\.", f"encoder.stages.{stage + 1}.merge.") for stage in range(3)),
    (r"^backbone\.stages\.", "encoder.stages."),
    (r"\.attn\.w_msa\.", ".attn."),
    (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
    (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
]


@dataclass(frozen=True)
class Backbone:
    """An encoder of segzoo's with a backbone's weights.

    :param weights: of the whole model, those of the encoder by segzoo's names.
    """

    encoder: str
    in_channels: int
    weights: Weights
    options: Mapping[str, Any] = field(default_factory=dict)
    dilates: bool = False


def read_backbone(weights: Weights) -> Backbone:
    """Find the encoder, and give it its weights.

    :raises CheckpointError: when segzoo has none that is the same.
    """
    if "backbone.layer1.0.conv1.weight" in weights:
        return _resnet(weights)
    if "backbone.layers.0.1.0.attn.attn.in_proj_weight" in weights:
        return _mix_transformer(weights)
    if "backbone.stages.0.blocks.0.attn.w_msa.qkv.weight" in weights:
        return _swin(weights)
    known = [name for name in weights if name.startswith("backbone.")][:3]
    raise segzoo.CheckpointError(
        "this backbone can't be imported: segzoo reads ResNet, Mix Transformer and Swin Transformer of "
        f"mmsegmentation, and this one has weights such as {', '.join(known) or 'none'}"
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
    renamed = segzoo.rename_weights(weights, RESNET)
    return Backbone(f"timm/{encoder}", first.shape[1], renamed, options, dilates=True)


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
    renamed = segzoo.rename_weights(weights, MIX_TRANSFORMER)
    for name in list(renamed):
        if re.search(r"\.ffn\.(expand|contract)\.weight$", name):
            renamed[name] = renamed[name].flatten(1)  # a 1x1 convolution is a linear layer
    return Backbone(f"mit/{encoder}", first.shape[1], renamed)


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
    kept = {name: weight for name, weight in weights.items() if not name.endswith(".relative_position_index")}
    renamed = segzoo.rename_weights(kept, SWIN)
    for name in list(renamed):
        if re.search(r"\.merge\.(norm\.(weight|bias)|reduction\.weight)$", name):
            renamed[name] = _by_position(renamed[name])
    return Backbone("swin/swin", first.shape[1], renamed, options)


def _by_position(weight: Tensor) -> Tensor:
    """Of four merged tokens mmsegmentation has the channels outermost, segzoo the column, then the row."""
    *outputs, merged = weight.shape
    return weight.reshape(*outputs, merged // 4, 2, 2).movedim((-1, -2, -3), (-3, -2, -1)).reshape(weight.shape)


def _count(weights: Weights, pattern: str) -> int:
    found = [int(match[1]) for match in map(re.compile(pattern).fullmatch, weights) if match]
    return max(found, default=-1) + 1
