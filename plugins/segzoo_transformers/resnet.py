"""ResNet, arXiv:1512.03385, as the backbone of MaskFormer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import segzoo
from segzoo_transformers.architecture import expect

DEFAULTS = {
    "num_channels": 3,
    "embedding_size": 64,
    "hidden_sizes": [256, 512, 1024, 2048],
    "depths": [3, 4, 6, 3],
    "layer_type": "bottleneck",
    "hidden_act": "relu",
    "downsample_in_first_stage": False,
    "downsample_in_bottleneck": False,
}
TIMMS = {
    ((2, 2, 2, 2), "basic"): "resnet18",
    ((3, 4, 6, 3), "basic"): "resnet34",
    ((3, 4, 6, 3), "bottleneck"): "resnet50",
    ((3, 4, 23, 3), "bottleneck"): "resnet101",
    ((3, 8, 36, 3), "bottleneck"): "resnet152",
}
WIDTHS = {"basic": [64, 128, 256, 512], "bottleneck": [256, 512, 1024, 2048]}


def resnet_arguments(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of `create_model`, from the backbone's config.

    :raises CheckpointError: when it is none of timm's, or has what segzoo hasn't.
    """
    config = {**DEFAULTS, **said}
    kind = (tuple(config["depths"]), str(config["layer_type"]))
    if kind not in TIMMS:
        known = ", ".join(f"{list(depths)} {layer}" for depths, layer in TIMMS)
        raise segzoo.CheckpointError(
            f"this ResNet can't be imported: its blocks are {list(kind[0])} {kind[1]}, and segzoo reads {known}"
        )
    expect(
        "ResNet",
        config,
        embedding_size=64,
        hidden_sizes=WIDTHS[kind[1]],
        hidden_act="relu",
        downsample_in_first_stage=False,
        downsample_in_bottleneck=False,
    )
    return {"encoder": f"timm/{TIMMS[kind]}", "in_channels": config["num_channels"]}


def resnet_names(root: str) -> segzoo.Table:
    """Its weights under a path of transformers', and segzoo's."""
    names: dict[str, str] = {
        "embedder.embedder.convolution": "conv1",
        "embedder.embedder.normalization": "bn1",
    }
    for stage in range(4):
        theirs, ours = f"encoder.stages.{stage}.layers.{{}}", f"layer{stage + 1}.{{}}"
        names |= {
            f"{theirs}.shortcut.convolution": f"{ours}.downsample.0",
            f"{theirs}.shortcut.normalization": f"{ours}.downsample.1",
        }
        for conv in range(3):
            names |= {
                f"{theirs}.layer.{conv}.convolution": f"{ours}.conv{conv + 1}",
                f"{theirs}.layer.{conv}.normalization": f"{ours}.bn{conv + 1}",
            }
    return segzoo.under(root, "encoder.body", names)
