"""MobileNetV2, arXiv:1801.04381, with DeepLabV3's decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

import segzoo
from segzoo_transformers.deeplabv3 import DeepLabV3
from segzoo_transformers.names import NAMED_CONV

DEFAULTS = {
    "num_channels": 3,
    "depth_multiplier": 1.0,
    "depth_divisible_by": 8,
    "min_depth": 8,
    "expand_ratio": 6.0,
    "output_stride": 32,
    "first_layer_is_expansion": True,
    "hidden_act": "relu6",
    "tf_padding": True,
    "layer_norm_eps": 0.001,
    "classifier_dropout_prob": 0.8,
}
MOBILENETS = {
    0.35: "mobilenetv2_035",
    0.5: "mobilenetv2_050",
    0.75: "mobilenetv2_075",
    1.0: "mobilenetv2_100",
    1.4: "mobilenetv2_140",
}
BLOCKS = (2, 3, 4, 3, 3, 1)
"""Of timm's stages after the first; transformers counts them in one row."""
SAME = ("depth_divisible_by", "min_depth", "expand_ratio", "first_layer_is_expansion", "hidden_act")


def block(*layers: tuple[str, str, str]) -> segzoo.Table:
    """Transformers' layers of a convolution and a norm, and timm's names of the two."""
    return {
        f"{layer}.{theirs}": ours
        for layer, conv, norm in layers
        for theirs, ours in (("convolution", conv), ("normalization", norm))
    }


FIRST = block(("conv_3x3", "conv_dw", "bn1"), ("reduce_1x1", "conv_pw", "bn2"))
INVERTED = block(("expand_1x1", "conv_pw", "bn1"), ("conv_3x3", "conv_dw", "bn2"), ("reduce_1x1", "conv_pwl", "bn3"))


def pooled_last(weight: Tensor) -> Tensor:
    """Transformers joins the pooled map first."""
    return torch.cat(weight.chunk(2, dim=1)[::-1], dim=1)


class MobileNetV2(DeepLabV3):
    name = "MobileNetV2ForSemanticSegmentation"
    defaults = DEFAULTS
    same: ClassVar[Mapping[str, Any]] = {name: DEFAULTS[name] for name in SAME}
    first = "mobilenet_v2.conv_stem.first_conv.convolution.weight", "encoder.body.conv_stem.weight"

    def encoder(self, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        encoder = MOBILENETS.get(config["depth_multiplier"])
        if encoder is None:
            raise segzoo.CheckpointError(
                f"this MobileNetV2 can't be imported: its depth_multiplier is {config['depth_multiplier']!r}, and "
                f"timm's have {', '.join(map(str, MOBILENETS))}"
            )
        padding = {"pad_type": "same"} if config["tf_padding"] else {}
        return f"timm/{encoder}", {"bn_eps": config["layer_norm_eps"], **padding}

    def decoder_options(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"width": 256, "rates": [], "dropout": 0.0}

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        stages = [(stage, block) for stage, count in enumerate(BLOCKS, start=1) for block in range(count)]
        rows: dict[str, Any] = {}
        for layer, (stage, number) in enumerate(stages):
            rows |= segzoo.under(f"mobilenet_v2.layer.{layer}", f"encoder.body.blocks.{stage}.{number}", INVERTED)
        return {
            **self.first_layer(checkpoint),
            "mobilenet_v2.conv_stem.first_conv.convolution": "encoder.body.conv_stem",
            "mobilenet_v2.conv_stem.first_conv.normalization": "encoder.body.bn1",
            **segzoo.under("mobilenet_v2.conv_stem", "encoder.body.blocks.0.0", FIRST),
            **rows,
            "mobilenet_v2.conv_1x1": None,  # belongs to classification
            **segzoo.under("segmentation_head.conv_pool", "decoder.aspp.pooling.branches.0", NAMED_CONV),
            **segzoo.under("segmentation_head.conv_aspp", "decoder.aspp.point", NAMED_CONV),
            "segmentation_head.conv_projection.convolution.weight": segzoo.change(
                "decoder.aspp.project.conv.weight", pooled_last
            ),
            **segzoo.under("segmentation_head.conv_projection", "decoder.aspp.project", NAMED_CONV),
            "segmentation_head.classifier.convolution": "head.classifiers.logits.conv",
        }
