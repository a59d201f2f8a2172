"""SegFormer, arXiv:2105.15203."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import segzoo
from segzoo_transformers.architecture import TransformersArchitecture

DEFAULTS = {
    "depths": [2, 2, 2, 2],
    "hidden_sizes": [32, 64, 160, 256],
    "sr_ratios": [8, 4, 2, 1],
    "patch_sizes": [7, 3, 3, 3],
    "strides": [4, 2, 2, 2],
    "num_attention_heads": [1, 2, 5, 8],
    "mlp_ratios": [4, 4, 4, 4],
    "hidden_act": "gelu",
    "num_channels": 3,
    "drop_path_rate": 0.1,
    "classifier_dropout_prob": 0.1,
}
SAME = ("sr_ratios", "patch_sizes", "strides", "num_attention_heads", "mlp_ratios", "hidden_act")
VARIANTS = {  # by channels and blocks: table 6 of the paper
    ((32, 64, 160, 256), (2, 2, 2, 2)): "mit_b0",
    ((64, 128, 320, 512), (2, 2, 2, 2)): "mit_b1",
    ((64, 128, 320, 512), (3, 4, 6, 3)): "mit_b2",
    ((64, 128, 320, 512), (3, 4, 18, 3)): "mit_b3",
    ((64, 128, 320, 512), (3, 8, 27, 3)): "mit_b4",
    ((64, 128, 320, 512), (3, 6, 40, 3)): "mit_b5",
}
ENCODER: segzoo.Table = {
    "patch_embeddings.{}.proj": "{}.patches.projection",
    "patch_embeddings.{}.layer_norm": "{}.patches.norm",
    "layer_norm.{}": "{}.norm",
    **segzoo.under(
        "block.{}.{}",
        "{}.blocks.{}",
        {
            "layer_norm_1": "attention_norm",
            "attention.self.query": "attention.query",
            "attention.self.key": "attention.key",
            "attention.self.value": "attention.value",
            "attention.self.sr": "attention.reduction.projection",
            "attention.self.layer_norm": "attention.reduction.norm",
            "attention.output.dense": "attention.output",
            "layer_norm_2": "ffn_norm",
            "mlp.dense1": "ffn.expand",
            "mlp.dwconv.dwconv": "ffn.depthwise",
            "mlp.dense2": "ffn.contract",
        },
    ),
}


class SegFormer(TransformersArchitecture):
    name = "SegformerForSemanticSegmentation"
    defaults = DEFAULTS
    same: ClassVar[Mapping[str, Any]] = {name: DEFAULTS[name] for name in SAME}

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config = self.config(checkpoint)
        encoder = VARIANTS.get((tuple(config["hidden_sizes"]), tuple(config["depths"])))
        if encoder is None:
            raise segzoo.CheckpointError(
                f"this SegFormer can't be imported: its Mix Transformer of hidden_sizes={config['hidden_sizes']} and "
                f"depths={config['depths']} is none of {', '.join(VARIANTS.values())}"
            )
        classes, width = checkpoint.weight(self.classifier).shape[:2]
        return {
            "encoder": f"mit/{encoder}",
            "decoder": "segformer",
            "classes": classes,
            "in_channels": config["num_channels"],
            "encoder_options": {"drop_path_rate": config["drop_path_rate"]},
            "decoder_options": {"width": width, "dropout": config["classifier_dropout_prob"]},
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        return {
            **segzoo.under("segformer.encoder", "encoder.stages", ENCODER),
            "decode_head.linear_c.{}.proj": segzoo.as_conv("decoder.linears.{}"),
            "decode_head.linear_fuse": "decoder.fuse.conv",
            "decode_head.batch_norm": "decoder.fuse.norm",
            "decode_head.classifier": "head.classifiers.logits.conv",
        }
