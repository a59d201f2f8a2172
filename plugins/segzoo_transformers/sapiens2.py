"""Sapiens2, arXiv:2604.21681."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import segzoo
from segzoo_transformers.architecture import TransformersArchitecture, expect
from segzoo_transformers.index import SAPIENS2
from segzoo_transformers.sapiens2_encoder import PATCH

DEFAULTS = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_key_value_heads_per_layer": None,
    "num_key_value_attention_heads": 8,
    "num_first_full_attention_layers": 8,
    "num_last_full_attention_layers": 8,
    "hidden_act": "silu",
    "patch_size": PATCH,
    "num_channels": 3,
    "num_register_tokens": 8,
    "query_bias": True,
    "key_bias": True,
    "value_bias": True,
    "proj_bias": True,
    "mlp_bias": True,
    "use_gated_mlp": True,
    "use_qk_norm": True,
    "rms_norm_eps": 1e-6,
    "rope_theta": 100.0,
    "pos_embed_shift": None,
    "pos_embed_jitter": None,
    "pos_embed_rescale": 2.0,
    "drop_path_rate": 0.0,
}
HEAD: Mapping[str, Any] = {
    "upsample_out_channels": None,
    "upsample_kernel_sizes": None,
    "upsample_kernel_size": 4,
    "use_pixel_shuffle": None,
    "conv_out_channels": [],
    "conv_kernel_sizes": None,
    "conv_kernel_size": 1,
}
ALIKE = (
    *("hidden_act", "patch_size", "query_bias", "key_bias", "value_bias", "proj_bias", "mlp_bias", "use_gated_mlp"),
    *("use_qk_norm", "rms_norm_eps", "pos_embed_shift", "pos_embed_jitter"),
)
DOUBLINGS = round(math.log2(PATCH))
LAYERS = 16  # more than a head has

# Folders hold the names of the authors' code, or, as transformers' save_original_format=False writes them, its own.
THEIRS: segzoo.Table = {
    "backbone.cls_token": "encoder.body.cls_token",
    "backbone.storage_tokens": "encoder.body.reg_token",
    "backbone.mask_token": None,  # of pretraining
    "backbone.patch_embed.projection": "encoder.body.patch_embed.proj",
    "backbone.rope_embed.periods": None,  # no weight
    **segzoo.under(
        "backbone.blocks.{}",
        "encoder.body.blocks.{}",
        {
            "ln1": "norm1",
            **{f"attn.w{name}": f"attn.{name}_proj" for name in "qkv"},
            "attn.gamma.weight": "gamma_1",
            "attn": "attn",
            "ln2": "norm2",
            "ffn.w12": "mlp.fc1",
            "ffn.w3": "mlp.fc2",
        },
    ),
    "backbone.ln1": "encoder.body.norm",
    # A layer is a convolution, a norm and an activation, of which the first alone has weights.
    **{f"decode_head.deconv_layers.{3 * layer}": f"decoder.doublings.{layer}.grow" for layer in range(LAYERS)},
    **{f"decode_head.conv_layers.{3 * layer}.bias": None for layer in range(LAYERS)},  # as below
    **{f"decode_head.conv_layers.{3 * layer}.weight": f"decoder.refine.{layer}.conv.weight" for layer in range(LAYERS)},
    "decode_head.conv_seg": "head.classifiers.logits.conv",
}
TRANSFORMERS: segzoo.Table = {
    "model.embeddings.cls_token": "encoder.body.cls_token",
    "model.embeddings.register_tokens": "encoder.body.reg_token",
    "model.embeddings.mask_token": None,
    "model.embeddings.patch_embeddings": "encoder.body.patch_embed.proj",
    **segzoo.under(
        "model.model.layer.{}",
        "encoder.body.blocks.{}",
        {
            "norm1": "norm1",
            "attention.o_proj": "attn.proj",
            "attention": "attn",
            "layer_scale1.lambda1": "gamma_1",
            "norm2": "norm2",
            "mlp.gate_proj": segzoo.join("mlp.fc1", 0),
            "mlp.up_proj": segzoo.join("mlp.fc1", 1),
            "mlp.down_proj": "mlp.fc2",
        },
    ),
    "model.norm": "encoder.body.norm",
    "decode_head.input_conv.convolution.bias": None,  # the instance norm after it takes away what it adds
    "decode_head.input_conv.convolution": "decoder.enter.conv",
    "decode_head.upsample_layers.{}.convolution": "decoder.doublings.{}.grow",
    "decode_head.conv_layers.{}.convolution.bias": None,
    "decode_head.conv_layers.{}.convolution": "decoder.refine.{}.conv",
    "decode_head.predictor": "head.classifiers.logits.conv",
}


class Sapiens2(TransformersArchitecture):
    name = "Sapiens2ForSemanticSegmentation"
    defaults = DEFAULTS
    same: ClassVar[Mapping[str, Any]] = {name: DEFAULTS[name] for name in ALIKE}

    def classes(self, checkpoint: segzoo.Checkpoint) -> int:
        theirs = "decode_head.conv_seg.weight"
        found = theirs if theirs in checkpoint.weights else "decode_head.predictor.weight"
        return checkpoint.weight(found).shape[0]

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config = self.config(checkpoint)
        return {
            "encoder": SAPIENS2,
            "decoder": "sapiens2",
            "classes": self.classes(checkpoint),
            "in_channels": config["num_channels"],
            "encoder_options": {
                "width": config["hidden_size"],
                "heads": config["num_attention_heads"],
                "key_heads": key_heads(config),
                "hidden": config["intermediate_size"],
                "registers": config["num_register_tokens"],
                "rope_temperature": config["rope_theta"],
                "rope_rescale": config["pos_embed_rescale"],
                "drop_path_rate": config["drop_path_rate"],
            },
            "decoder_options": decoder_options(config.get("head_config") or {}),
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        return {**THEIRS, **TRANSFORMERS}


def key_heads(config: Mapping[str, Any]) -> list[int]:
    """How many heads of keys and values each block has: by default fewer in those that aren't among the outer ones."""
    if config["num_key_value_heads_per_layer"] is not None:
        return list(config["num_key_value_heads_per_layer"])
    blocks, first = config["num_hidden_layers"], config["num_first_full_attention_layers"]
    inner = range(first, blocks - config["num_last_full_attention_layers"])
    return [
        config["num_key_value_attention_heads" if block in inner else "num_attention_heads"] for block in range(blocks)
    ]


def decoder_options(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The head's.

    :raises CheckpointError: for kernels of another size, and more doublings than lead to the image's own resolution.
    """
    head = {**HEAD, **config}
    widths, refined = list(head["upsample_out_channels"]), list(head["conv_out_channels"] or [])
    grow = "pixelshuffle" if head["use_pixel_shuffle"] else "transposed"
    kernels = {
        "upsample_kernel_sizes": head["upsample_kernel_sizes"] or [head["upsample_kernel_size"]] * len(widths),
        "conv_kernel_sizes": head["conv_kernel_sizes"] or [head["conv_kernel_size"]] * len(refined),
    }
    expect(
        "Sapiens2's head",
        kernels,
        upsample_kernel_sizes=[3 if grow == "pixelshuffle" else 4] * len(widths),
        conv_kernel_sizes=[1] * len(refined),
    )
    if len(widths) > DOUBLINGS:
        raise segzoo.CheckpointError(
            f"this Sapiens2 can't be imported: its upsample_out_channels are {widths}, and segzoo's head doubles a map "
            f"of patches {DOUBLINGS} times at most"
        )
    return {"grow_widths": widths, "widths": refined, "grow": grow}
