"""MobileViT, arXiv:2110.02178, with DeepLabV3's decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import segzoo
from segzoo_transformers.deeplabv3 import DeepLabV3
from segzoo_transformers.index import PREFIX
from segzoo_transformers.names import NAMED_CONV, TRANSFORMER_LAYER

DEFAULTS = {
    "num_channels": 3,
    "patch_size": 2,
    "hidden_sizes": [144, 192, 240],
    "neck_hidden_sizes": [16, 32, 64, 96, 128, 160, 640],
    "num_attention_heads": 4,
    "mlp_ratio": 2.0,
    "expand_ratio": 4.0,
    "hidden_act": "silu",
    "conv_kernel_size": 3,
    "output_stride": 32,
    "qkv_bias": True,
    "aspp_out_channels": 256,
    "atrous_rates": [6, 12, 18],
    "aspp_dropout_prob": 0.1,
    "classifier_dropout_prob": 0.1,
}
MOBILEVITS = {  # by the widths of the transformers, of the maps, and the expansion
    ((64, 80, 96), (16, 16, 24, 48, 64, 80), 2.0): "mobilevit_xxs",
    ((96, 120, 144), (16, 32, 48, 64, 80, 96), 4.0): "mobilevit_xs",
    ((144, 192, 240), (16, 32, 64, 96, 128, 160), 4.0): "mobilevit_s",
}
SAME = ("patch_size", "num_attention_heads", "mlp_ratio", "hidden_act", "conv_kernel_size", "qkv_bias")
CONV: segzoo.Table = {"convolution": "conv", "normalization": "bn"}
"""Of a convolution with its norm, in timm's encoder."""
INVERTED: segzoo.Table = {
    **segzoo.under("expand_1x1", "conv1_1x1", CONV),
    **segzoo.under("conv_3x3", "conv2_kxk", CONV),
    **segzoo.under("reduce_1x1", "conv3_1x1", CONV),
}
STAGE: segzoo.Table = {
    **segzoo.under("layer.{}", "{}", INVERTED),
    **segzoo.under("downsampling_layer", "0", INVERTED),
    **segzoo.under("conv_kxk", "1.conv_kxk", CONV),
    "conv_1x1.convolution": "1.conv_1x1",
    **segzoo.under("transformer.layer.{}", "1.transformer.{}", TRANSFORMER_LAYER),
    "layernorm": "1.norm",
    **segzoo.under("conv_projection", "1.conv_proj", CONV),
    **segzoo.under("fusion", "1.conv_fusion", CONV),
}
ASPP: segzoo.Table = {
    **segzoo.under("convs.0", "point", NAMED_CONV),
    **segzoo.under("convs.1", "atrous.0", NAMED_CONV),
    **segzoo.under("convs.2", "atrous.1", NAMED_CONV),
    **segzoo.under("convs.3", "atrous.2", NAMED_CONV),
    **segzoo.under("convs.4.conv_1x1", "pooling.branches.0", NAMED_CONV),
    **segzoo.under("project", "project", NAMED_CONV),
}


class MobileViT(DeepLabV3):
    name = "MobileViTForSemanticSegmentation"
    defaults = DEFAULTS
    same: ClassVar[Mapping[str, Any]] = {name: DEFAULTS[name] for name in SAME}
    first = "mobilevit.conv_stem.convolution.weight", "encoder.stem.conv.weight"

    def encoder(self, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        # the last of neck_hidden_sizes is of a layer for classification
        sizes = (tuple(config["hidden_sizes"]), tuple(config["neck_hidden_sizes"][:-1]), float(config["expand_ratio"]))
        encoder = MOBILEVITS.get(sizes)
        if encoder is None:
            raise segzoo.CheckpointError(
                f"this MobileViT can't be imported: hidden_sizes={config['hidden_sizes']}, "
                f"neck_hidden_sizes={config['neck_hidden_sizes']}, expand_ratio={config['expand_ratio']} are those of "
                f"none of {', '.join(MOBILEVITS.values())}"
            )
        return PREFIX + encoder, {}

    def decoder_options(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            "width": config["aspp_out_channels"],
            "rates": list(config["atrous_rates"]),
            "dropout": config["aspp_dropout_prob"],
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        return {
            **self.first_layer(checkpoint),
            **segzoo.under("mobilevit.conv_stem", "encoder.stem", CONV),
            **segzoo.under("mobilevit.encoder.layer.{}", "encoder.stages.{}", STAGE),
            **segzoo.under("segmentation_head.aspp", "decoder.aspp", ASPP),
            "segmentation_head.classifier.convolution": "head.classifiers.logits.conv",
        }
