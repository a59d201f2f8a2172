"""MaskFormer, arXiv:2107.06278, on Swin Transformer or ResNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import segzoo
from segzoo_transformers.architecture import expect
from segzoo_transformers.mask_classification import ATTENTION, MASK_MLP, MaskClassification, as_tokens

DEFAULTS = {"fpn_feature_size": 256, "mask_feature_size": 256}
DETR_DEFAULTS = {
    "d_model": 256,
    "num_queries": 100,
    "decoder_layers": 6,
    "decoder_ffn_dim": 2048,
    "decoder_attention_heads": 8,
    "activation_function": "relu",
    "dropout": 0.1,
}
PIXEL_DECODER: segzoo.Table = {
    "fpn.stem.0": "stem.conv",
    "fpn.stem.1": "stem.norm",
    "fpn.layers.{}.proj.0": "laterals.{}.conv",
    "fpn.layers.{}.proj.1": "laterals.{}.norm",
    "fpn.layers.{}.block.0": "smooth.{}.conv",
    "fpn.layers.{}.block.1": "smooth.{}.norm",
    "mask_projection": "pixels",
}
TRANSFORMER: segzoo.Table = {
    "queries_embedder.weight": segzoo.change("query_positions", as_tokens),
    "input_projection": "project",
    **segzoo.under(
        "decoder.layers.{}",
        "layers.{}",
        {
            "self_attn_layer_norm": "norm1",
            "encoder_attn_layer_norm": "norm2",
            "fc1": "mlp.0",
            "fc2": "mlp.2",
            "mlp.fc1": "mlp.0",  # as later versions nest them
            "mlp.fc2": "mlp.2",
            "final_layer_norm": "norm3",
        },
        segzoo.under("self_attn", "attend_queries", ATTENTION),
        segzoo.under("encoder_attn", "attend_cells", ATTENTION),
    ),
    "decoder.layernorm": "norm",
}
DECODER: segzoo.Table = {
    **segzoo.under("model.pixel_level_module.decoder", "decoder.pixel_decoder", PIXEL_DECODER),
    **segzoo.under("model.transformer_module", "decoder.transformer", TRANSFORMER),
    **segzoo.under("mask_embedder", "decoder.transformer.embed_masks", MASK_MLP),
    "class_predictor": "decoder.transformer.classify",
    "criterion": None,  # the loss's weights of classes
}


class MaskFormer(MaskClassification):
    name = "MaskFormerForInstanceSegmentation"
    defaults = DEFAULTS

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config = self.config(checkpoint)
        detr = {**DETR_DEFAULTS, **(config.get("decoder_config") or {})}
        width = detr["d_model"]
        expect("MaskFormer", config, fpn_feature_size=width, mask_feature_size=width)
        expect("MaskFormer", detr, decoder_attention_heads=8, activation_function="relu")
        return {
            **self.encoder_arguments(checkpoint),
            "decoder": "maskformer",
            "classes": self.classes(checkpoint),
            "decoder_options": {
                "width": width,
                "queries": detr["num_queries"],
                "layers": detr["decoder_layers"],
                "hidden": detr["decoder_ffn_dim"],
                "dropout": float(detr["dropout"]),
            },
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        return {**DECODER, **self.encoder_names(checkpoint)}
