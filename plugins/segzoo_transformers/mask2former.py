"""Mask2Former, arXiv:2112.01527, on Swin Transformer or ResNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import segzoo
from segzoo_transformers.architecture import expect
from segzoo_transformers.mask_classification import ATTENTION, MASK_MLP, MaskClassification, as_maps, as_tokens

DEFAULTS = {
    "feature_size": 256,
    "mask_feature_size": 256,
    "hidden_dim": 256,
    "encoder_feedforward_dim": 1024,
    "activation_function": "relu",
    "encoder_layers": 6,
    "decoder_layers": 10,
    "num_attention_heads": 8,
    "dropout": 0.0,
    "dim_feedforward": 2048,
    "pre_norm": False,
    "enforce_input_projection": False,
    "common_stride": 4,
    "num_queries": 100,
    "feature_strides": [4, 8, 16, 32],
}
PIXEL_DECODER: segzoo.Table = {
    "level_embed": segzoo.change("level_embeds", as_maps),
    "input_projections.{}.0": "project.{}.conv",
    "input_projections.{}.1": "project.{}.norm",
    **segzoo.under(
        "encoder.layers.{}",
        "layers.{}",
        {
            "self_attn.sampling_offsets": "attend.offsets",
            "self_attn.attention_weights": "attend.weights",
            "self_attn.value_proj": "attend.value",
            "self_attn.output_proj": "attend.output",
            "self_attn_layer_norm": "norm1",
            "fc1": "mlp.0",
            "fc2": "mlp.2",
            "final_layer_norm": "norm2",
        },
    ),
    "adapter_1.0": "lateral.conv",
    "adapter_1.1": "lateral.norm",
    "layer_1.0": "smooth.conv",
    "layer_1.1": "smooth.norm",
    "mask_projection": "pixels",
}
CROSS = ("attend_cells.query", "attend_cells.key", "attend_cells.value")
TRANSFORMER: segzoo.Table = {
    "queries_features.weight": segzoo.change("queries", as_tokens),
    "queries_embedder.weight": segzoo.change("query_positions", as_tokens),
    "level_embed.weight": segzoo.change("level_embeds", as_maps),
    **segzoo.under(
        "decoder.layers.{}",
        "layers.{}",
        {
            "cross_attn.in_proj_weight": segzoo.split(*(f"{part}.weight" for part in CROSS)),
            "cross_attn.in_proj_bias": segzoo.split(*(f"{part}.bias" for part in CROSS)),
            "cross_attn.out_proj": "attend_cells.output",
            "cross_attn_layer_norm": "norm1",
            "self_attn_layer_norm": "norm2",
            "fc1": "mlp.0",
            "fc2": "mlp.2",
            "final_layer_norm": "norm3",
        },
        segzoo.under("self_attn", "attend_queries", ATTENTION),
    ),
    "decoder.layernorm": "norm",
    **segzoo.under("decoder.mask_predictor.mask_embedder", "embed_masks", MASK_MLP),
}
DECODER: segzoo.Table = {
    **segzoo.under("model.pixel_level_module.decoder", "decoder.pixel_decoder", PIXEL_DECODER),
    **segzoo.under("model.transformer_module", "decoder.transformer", TRANSFORMER),
    "class_predictor": "decoder.transformer.classify",
    "criterion": None,  # the loss's weights of classes
}


class Mask2Former(MaskClassification):
    name = "Mask2FormerForUniversalSegmentation"
    defaults = DEFAULTS
    same: ClassVar[Mapping[str, Any]] = {
        name: DEFAULTS[name]
        for name in (
            "activation_function",
            "num_attention_heads",
            "pre_norm",
            "enforce_input_projection",
            "common_stride",
            "feature_strides",
        )
    }

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config = self.config(checkpoint)
        width = config["hidden_dim"]
        expect("Mask2Former", config, feature_size=width, mask_feature_size=width)
        return {
            **self.encoder_arguments(checkpoint),
            "decoder": "mask2former",
            "classes": self.classes(checkpoint),
            "decoder_options": {
                "width": width,
                "queries": config["num_queries"],
                "layers": config["decoder_layers"] - 1,  # theirs counts the prediction before the first
                "encoder_layers": config["encoder_layers"],
                "hidden": config["dim_feedforward"],
                "encoder_hidden": config["encoder_feedforward_dim"],
                "dropout": float(config["dropout"]),
            },
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        return {**DECODER, **self.encoder_names(checkpoint)}
