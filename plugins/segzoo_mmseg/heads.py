"""mmsegmentation's decode heads: which of segzoo's decoders has their weights, seen by names and shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import segzoo

Rules = list[tuple[str, str]]
Weights = dict[str, Tensor]

CLASSIFIER = "head.classifiers.logits.conv."
DROPOUT = 0.1
AUXILIARY_STAGE = 4
AUXILIARY_WIDTH = 256

COMMON: Rules = [
    (r"^decode_head\.conv_seg\.", CLASSIFIER),
    (r"^auxiliary_head\.convs\.0\.", f"auxiliary.{AUXILIARY_STAGE}.block."),
    (r"^auxiliary_head\.conv_seg\.", f"auxiliary.{AUXILIARY_STAGE}.classifiers.logits.conv."),
    (r"^((decode_head|auxiliary)\..*)\.bn\.", r"\1.norm."),
    (r"^(decode_head\..*)\.depthwise_conv\.", r"\1.depthwise."),
    (r"^(decode_head\..*)\.pointwise_conv\.", r"\1.pointwise."),
]
SEGFORMER: Rules = [
    (r"^decode_head\.convs\.", "decoder.linears."),
    (r"^decode_head\.fusion_conv\.", "decoder.fuse."),
]
UPERNET: Rules = [
    (r"^decode_head\.psp_modules\.(\d)\.1\.", r"decoder.pooling.branches.\1."),
    (r"^decode_head\.bottleneck\.", "decoder.context."),
    (r"^decode_head\.lateral_convs\.", "decoder.laterals."),
    (r"^decode_head\.fpn_convs\.", "decoder.smooth."),
    (r"^decode_head\.fpn_bottleneck\.", "decoder.fuse."),
]
PSPNET: Rules = [
    (r"^decode_head\.psp_modules\.(\d)\.1\.", r"decoder.pooling.branches.\1."),
    (r"^decode_head\.bottleneck\.", "decoder.join."),
]
DEEPLABV3: Rules = [
    (r"^decode_head\.image_pool\.1\.", "decoder.aspp.pooling.branches.0."),
    (r"^decode_head\.aspp_modules\.0\.", "decoder.aspp.point."),
    *((rf"^decode_head\.aspp_modules\.{rate + 1}\.", f"decoder.aspp.atrous.{rate}.") for rate in range(3)),
    (r"^decode_head\.bottleneck\.", "decoder.aspp.project."),
    (r"^decode_head\.c1_bottleneck\.", "decoder.low."),
    (r"^decode_head\.sep_bottleneck\.", "decoder.fuse."),
]
FCN: Rules = [
    (r"^decode_head\.convs\.", "decoder.convs."),
    (r"^decode_head\.conv_cat\.", "decoder.join."),
]


@dataclass(frozen=True)
class Heads:
    """A decoder of segzoo's with the weights of a decode head, and perhaps an auxiliary head.

    :param weights: of the whole model, by segzoo's names as far as the heads are concerned.
    """

    decoder: str
    options: Mapping[str, Any]
    weights: Weights
    auxiliary: tuple[int, ...]
    notes: tuple[str, ...]


def read_heads(weights: Weights) -> Heads:
    """Find the decoder, and give it its weights.

    :raises CheckpointError: when segzoo has none that is the same.
    """
    decoder, options, rules = _decoder(weights)
    auxiliary: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    given = [name for name in weights if name.startswith("auxiliary_head.")]
    if given:
        reason = _auxiliary_differs(weights, given)
        if reason:
            weights = {name: weight for name, weight in weights.items() if name not in given}
            notes = (f"the auxiliary head was left out: {reason}; predictions don't depend on it",)
        else:
            auxiliary = (AUXILIARY_STAGE,)
    renamed = segzoo.rename_weights(weights, [*COMMON, *rules])
    if decoder == "segformer":  # fine to coarse there, coarse to fine here
        fused = renamed["decoder.fuse.conv.weight"].split(options["width"], dim=1)
        renamed["decoder.fuse.conv.weight"] = torch.cat(fused[::-1], dim=1)
    if decoder == "pspnet":
        _reorder(renamed, "decoder.join.conv.weight", first=-options["pool_width"] * len(options["grids"]))
    if decoder.startswith("deeplabv3"):
        _reorder(renamed, "decoder.aspp.project.conv.weight", first=options["width"])
    return Heads(decoder, options, renamed, auxiliary, notes)


def _decoder(weights: Weights) -> tuple[str, dict[str, Any], Rules]:
    def width(layer: str) -> int:
        return weights[f"decode_head.{layer}.conv.weight"].shape[0]

    if "decode_head.fusion_conv.conv.weight" in weights and "decode_head.convs.0.bn.weight" in weights:
        return "segformer", {"width": width("fusion_conv"), "linear_norm": True, "dropout": DROPOUT}, SEGFORMER
    grids = [1, 2, 3, 6]
    if "decode_head.lateral_convs.0.conv.weight" in weights and "decode_head.psp_modules.3.1.conv.weight" in weights:
        options = {"width": width("fpn_bottleneck"), "grids": grids, "input_norm": False, "dropout": DROPOUT}
        return "upernet", options, UPERNET
    if "decode_head.psp_modules.3.1.conv.weight" in weights:
        options = {
            "width": width("bottleneck"),
            "pool_width": width("psp_modules.0.1"),
            "grids": grids,
            "kernel": 3,
            "image_norm": True,
            "head_kernel": 1,
            "dropout": DROPOUT,
        }
        return "pspnet", options, PSPNET
    if "decode_head.image_pool.1.conv.weight" in weights:
        options = {
            "width": width("bottleneck"),
            "rates": [12, 24, 36],
            "project_kernel": 3,
            "dropout": 0.0,
            "head_dropout": DROPOUT,
            "output_stride": 8,
        }
        if "decode_head.c1_bottleneck.conv.weight" not in weights:
            return "deeplabv3", options, DEEPLABV3
        more = {"low_width": width("c1_bottleneck"), "depthwise_norm": True, "fuse_convs": 2}
        return "deeplabv3plus", options | more, DEEPLABV3
    if "decode_head.convs.0.conv.weight" in weights and weights["decode_head.convs.0.conv.weight"].shape[-1] == 3:
        options = {
            "width": width("convs.0"),
            "convs": len([name for name in weights if re.fullmatch(r"decode_head\.convs\.\d+\.conv\.weight", name)]),
            "concat_input": "decode_head.conv_cat.conv.weight" in weights,
            "dropout": DROPOUT,
        }
        return "fcn", options, FCN
    known = [name for name in weights if name.startswith("decode_head.")][:3]
    raise segzoo.CheckpointError(
        "this decode head can't be imported: segzoo reads SegFormer, UPerNet, PSPNet, DeepLabV3, DeepLabV3+ and FCN "
        f"of mmsegmentation, and this one has weights such as {', '.join(known) or 'none'}"
    )


def _auxiliary_differs(weights: Weights, given: list[str]) -> str:
    """What sets an auxiliary head apart from segzoo's; empty if nothing does."""
    first = weights.get("auxiliary_head.convs.0.conv.weight")
    if first is None:
        return "it is no FCN head, or there are several"
    if any(name.startswith(("auxiliary_head.convs.1.", "auxiliary_head.conv_cat.")) for name in given):
        return "it has several convolutions, and segzoo's has one"
    if first.shape[0] != AUXILIARY_WIDTH or first.shape[-1] != 3:
        return f"segzoo's is one 3x3 convolution to {AUXILIARY_WIDTH} channels"
    return ""


def _reorder(weights: Weights, name: str, first: int) -> None:
    """What mmsegmentation puts first among joined maps, segzoo puts last."""
    weight = weights[name]
    split = first if first > 0 else weight.shape[1] + first
    weights[name] = torch.cat([weight[:, split:], weight[:, :split]], dim=1)
