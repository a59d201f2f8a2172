"""Names that several architectures of transformers share, and other layouts of the same weights."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

Rules = list[tuple[str, str]]

UPERNET: Rules = [
    (r"^decode_head\.classifier\.", "head.classifiers.logits.conv."),
    (r"^decode_head\.psp_modules\.(\d)\.1\.", r"decoder.pooling.branches.\1."),
    (r"^decode_head\.bottleneck\.", "decoder.context."),
    (r"^decode_head\.lateral_convs\.", "decoder.laterals."),
    (r"^decode_head\.fpn_convs\.", "decoder.smooth."),
    (r"^decode_head\.fpn_bottleneck\.", "decoder.fuse."),
    (r"^auxiliary_head\.convs\.0\.", "auxiliary.4.block."),
    (r"^auxiliary_head\.classifier\.", "auxiliary.4.classifiers.logits.conv."),
    (r"^(decoder|auxiliary)\.(.*)\.(batch_norm|bn)\.", r"\1.\2.norm."),
]
"""Of UPerNet and its auxiliary head, in transformers' modules for it and for BEiT."""

TRANSFORMER_LAYER: Rules = [
    (r"\.attention\.attention\.query\.", ".attn.qkv/0."),
    (r"\.attention\.attention\.key\.", ".attn.qkv/1."),
    (r"\.attention\.attention\.value\.", ".attn.qkv/2."),
    (r"\.attention\.self\.query\.", ".attn.qkv/0."),
    (r"\.attention\.self\.key\.", ".attn.qkv/1."),
    (r"\.attention\.self\.value\.", ".attn.qkv/2."),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"\.output\.dense\.", ".mlp.fc2."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
]
"""Of a transformer's block, and timm's; its three projections are still to be joined."""

INDEX = r".*\.relative_position_index$"
"""What earlier versions saved, though it is no weight."""

PART = re.compile(r"^(.*\.qkv)/(\d)(\..*)$")


def join_projections(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`qkv/0`, `qkv/1` and `qkv/2` as one `qkv`, along the first axis."""
    result: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, weight in weights.items():
        part = PART.match(name)
        if part:
            parts.setdefault(part[1] + part[3], {})[part[2]] = weight
        else:
            result[name] = weight
    return result | {name: torch.cat([some[key] for key in sorted(some)]) for name, some in parts.items()}


def without(weights: Mapping[str, Tensor], *patterns: str) -> dict[str, Tensor]:
    """The weights but for those that match one of some patterns from their beginning."""
    return {name: weight for name, weight in weights.items() if not any(re.match(each, name) for each in patterns)}
