"""The Encoder-only Mask Transformer, arXiv:2503.19108, on DINOv2 and on DINOv3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

import segzoo
from segzoo_transformers.architecture import TransformersArchitecture, expect

DEFAULTS = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
    "image_size": 640,
    "patch_size": 16,
    "num_channels": 3,
    "num_upscale_blocks": 2,
    "num_blocks": 4,
    "num_queries": 200,
    "num_register_tokens": 4,
}
DEFAULTS_DINOV2 = {**DEFAULTS, "mlp_ratio": 4, "layerscale_value": 1.0, "use_swiglu_ffn": False}
DEFAULTS_DINOV3 = {
    **DEFAULTS,
    "intermediate_size": 4096,
    "query_bias": True,
    "key_bias": False,
    "value_bias": True,
    "proj_bias": True,
    "mlp_bias": True,
    "use_gated_mlp": False,
    "rope_parameters": None,
}
THETA = 100.0
EPSILON_DINOV3 = 1e-5


def as_positions(weight: Tensor) -> Tensor:
    """Embeddings (N, D) as positions of one image, (1, N, D)."""
    return weight[None]


EMBEDDINGS: segzoo.Table = {"cls_token": "cls_token", "register_tokens": "reg_token"}
LAYER_DINOV2: segzoo.Table = {
    "norm1": "norm1",
    **{f"attention.{name}_proj": segzoo.join("attn.qkv", part) for part, name in enumerate("qkv")},
    "attention.out_proj": "attn.proj",
    "layer_scale1.lambda1": "ls1.gamma",
    "norm2": "norm2",
    "mlp.gate_proj": segzoo.join("mlp.fc1", 0),
    "mlp.up_proj": segzoo.join("mlp.fc1", 1),
    "mlp.down_proj": "mlp.fc2",
    "mlp.weights_in": "mlp.fc1",  # these two by their former names
    "mlp.weights_out": "mlp.fc2",
    "mlp": "mlp",
    "layer_scale2.lambda1": "ls2.gamma",
}
LAYER_DINOV3: segzoo.Table = {
    "norm1": "norm1",
    "attention.q_proj.bias": "attn.q_bias",
    "attention.v_proj.bias": "attn.v_bias",
    **{f"attention.{name}_proj": segzoo.join("attn.qkv", part) for part, name in enumerate("qkv")},
    "attention.o_proj": "attn.proj",
    "layer_scale1.lambda1": "gamma_1",
    "norm2": "norm2",
    "mlp.up_proj": "mlp.fc1",
    "mlp.down_proj": "mlp.fc2",
    "layer_scale2.lambda1": "gamma_2",
}
DECODER: segzoo.Table = {
    "layernorm": "encoder.body.norm",
    "query.weight": "decoder.queries",
    **segzoo.under(
        "upscale_block.block.{}",
        "decoder.heads.upscale.{}",
        {"conv1": "up", "conv2": "smooth", "layernorm2d": "norm"},
    ),
    "mask_head.fc1": "decoder.heads.mask.0",
    "mask_head.fc2": "decoder.heads.mask.2",
    "mask_head.fc3": "decoder.heads.mask.4",
    "class_predictor": "decoder.heads.classify",
    "criterion": None,
    "attn_mask_probs": None,  # how far the training got; nothing is masked afterwards
}


class EoMTOnDINOv2(TransformersArchitecture):
    name = "EomtForUniversalSegmentation"
    defaults = DEFAULTS_DINOV2
    same: ClassVar[Mapping[str, Any]] = {"hidden_act": "gelu", "layer_norm_eps": 1e-6}
    classifier = "class_predictor.weight"
    layer: ClassVar[segzoo.Table] = LAYER_DINOV2

    def classes(self, checkpoint: segzoo.Checkpoint) -> int:
        return super().classes(checkpoint) - 1  # the last one is "no object"

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config = self.config(checkpoint)
        expect("EoMT", config, num_upscale_blocks=max(1, config["patch_size"].bit_length() - 3))
        return {
            "encoder": self.encoder(config),
            "decoder": "eomt",
            "classes": self.classes(checkpoint),
            "in_channels": config["num_channels"],
            "img_size": config["image_size"],
            "encoder_options": {
                "patch_size": config["patch_size"],
                "embed_dim": config["hidden_size"],
                "depth": config["num_hidden_layers"],
                "num_heads": config["num_attention_heads"],
                **self.encoder_options(config),
            },
            "decoder_options": {"queries": config["num_queries"], "blocks": config["num_blocks"]},
        }

    def encoder(self, config: Mapping[str, Any]) -> str:
        """The name of timm's that differs in sizes alone."""
        return f"timm/vit_{'giant' if config['use_swiglu_ffn'] else 'base'}_patch14_reg4_dinov2"

    def encoder_options(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those whose names differ between the two transformers."""
        ratio = config["mlp_ratio"]
        if config["use_swiglu_ffn"]:  # timm counts both halves of what is gated
            hidden = (int(int(config["hidden_size"] * ratio) * 2 / 3) + 7) // 8 * 8
            ratio = 2 * hidden / config["hidden_size"]
        return {"reg_tokens": config["num_register_tokens"], "mlp_ratio": ratio}

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        registers: segzoo.Table = {} if self.config(checkpoint)["num_register_tokens"] else {"register_tokens": None}
        return {
            **segzoo.under("embeddings", "encoder.body", {**EMBEDDINGS, **registers}),
            "embeddings.patch_embeddings.projection": "encoder.body.patch_embed.proj",
            "embeddings.position_embeddings.weight": segzoo.change("encoder.body.pos_embed", as_positions),
            "embeddings.position_ids": None,
            **segzoo.under("layers.{}", "encoder.body.blocks.{}", self.layer),
            **DECODER,
        }


class EoMTOnDINOv3(EoMTOnDINOv2):
    name = "EomtDinov3ForUniversalSegmentation"
    defaults = DEFAULTS_DINOV3
    same: ClassVar[Mapping[str, Any]] = {
        "hidden_act": "gelu",
        "query_bias": True,
        "key_bias": False,
        "value_bias": True,
        "proj_bias": True,
        "mlp_bias": True,
        "use_gated_mlp": False,
    }
    layer: ClassVar[segzoo.Table] = LAYER_DINOV3

    def encoder(self, config: Mapping[str, Any]) -> str:
        rope = config["rope_parameters"] or {}
        expect("EoMT", {"rope_theta": THETA, "rope_type": "default", **rope}, rope_theta=THETA, rope_type="default")
        return "timm/vit_base_patch16_dinov3_qkvb"

    def encoder_options(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            "num_reg_tokens": config["num_register_tokens"],
            "mlp_ratio": config["intermediate_size"] / config["hidden_size"],
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        return {
            "embeddings.mask_token": None,
            "embeddings.patch_embeddings": "encoder.body.patch_embed.proj",
            **super().names(checkpoint),
        }

    def notes(self, checkpoint: segzoo.Checkpoint) -> Sequence[str]:
        notes = ["the authors publish differences from DINOv3's weights; these are to be added up before importing"]
        epsilon = self.config(checkpoint)["layer_norm_eps"]
        if epsilon != EPSILON_DINOV3:
            notes.append(f"its layer norms add {epsilon} to the variance, timm's DINOv3 {EPSILON_DINOV3}")
        return notes
