"""BEiT, arXiv:2106.08254, and data2vec's of images, arXiv:2202.03555, with UPerNet's decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import segzoo
from segzoo_transformers.architecture import TransformersArchitecture
from segzoo_transformers.beit_encoder import PATCH
from segzoo_transformers.index import BEIT
from segzoo_transformers.names import TRANSFORMER_LAYER, UPERNET, UPERNET_AUXILIARY

DEFAULTS = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "image_size": 224,
    "patch_size": PATCH,
    "num_channels": 3,
    "use_mask_token": False,
    "use_absolute_position_embeddings": False,
    "use_relative_position_bias": False,
    "use_shared_relative_position_bias": False,
    "drop_path_rate": 0.1,
    "pool_scales": [1, 2, 3, 6],
    "use_auxiliary_head": True,
    "auxiliary_channels": 256,
    "auxiliary_num_convs": 1,
    "auxiliary_concat_input": False,
}
SAME = {
    "hidden_act": "gelu",
    "patch_size": PATCH,
    "use_absolute_position_embeddings": False,
    "use_relative_position_bias": True,
    "use_shared_relative_position_bias": False,
    "auxiliary_channels": 256,
    "auxiliary_num_convs": 1,
    "auxiliary_concat_input": False,
}
BLOCK: segzoo.Table = {
    "attention.attention.query.bias": "attn.q_bias",
    "attention.attention.value.bias": "attn.v_bias",
    **TRANSFORMER_LAYER,
    "lambda_1": "gamma_1",
    "lambda_2": "gamma_2",
    "attention.q_proj.bias": "attn.q_bias",  # from here on as transformers' save_original_format=False writes them
    "attention.v_proj.bias": "attn.v_bias",
    **{f"attention.{name}_proj": segzoo.join("attn.qkv", part) for part, name in enumerate("qkv")},
    "attention.o_proj": "attn.proj",
    "mlp": "mlp",
}
POSITIONS = ("attention.attention.relative_position_bias", "relative_position_bias")


class BEiT(TransformersArchitecture):
    """BEiT.

    :cvar encoder: how the names of the encoder's weights begin.
    """

    name = "BeitForSemanticSegmentation"
    encoder: ClassVar[str] = "beit"
    defaults = DEFAULTS
    same = SAME

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config = self.config(checkpoint)
        image = config["image_size"]
        height, width = image if isinstance(image, list | tuple) else (image, image)
        return {
            "encoder": BEIT,
            "decoder": "upernet",
            "classes": self.classes(checkpoint),
            "in_channels": config["num_channels"],
            "encoder_options": {
                "width": config["hidden_size"],
                "heads": config["num_attention_heads"],
                "hidden": config["intermediate_size"],
                "taps": taps(config),
                "grid": [height // PATCH, width // PATCH],
                "drop_path_rate": config["drop_path_rate"],
            },
            "decoder_options": {
                "width": config["hidden_size"],
                "grids": list(config["pool_scales"]),
                "input_norm": False,
            },
            "auxiliary": (4,) if config["use_auxiliary_head"] else (),
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        config = self.config(checkpoint)
        unused = range(taps(config)[-1], config["num_hidden_layers"])  # what comes after the last map
        blocks: dict[str, str | segzoo.Renamed | None] = {}
        for layers in (f"{self.encoder}.encoder.layer", f"{self.encoder}.layers"):
            blocks |= {f"{layers}.{block}": None for block in unused}
            for positions in POSITIONS:
                path = f"{layers}.{{}}.{positions}"
                blocks[f"{path}.relative_position_bias_table"] = "encoder.position_biases.{}.table"
                blocks[f"{path}.relative_position_index"] = None  # earlier versions saved it, though it is no weight
            blocks |= segzoo.under(f"{layers}.{{}}", "encoder.blocks.{}", BLOCK)
        return {
            f"{self.encoder}.embeddings.cls_token": "encoder.cls_token",
            f"{self.encoder}.embeddings.patch_embeddings.projection": "encoder.patches",
            f"{self.encoder}.embeddings.mask_token": None,
            **blocks,
            f"{self.encoder}.layernorm": None,
            f"{self.encoder}.pooler": None,
            "fpn1": "encoder.to_stride_4",
            "fpn2.0": "encoder.to_stride_8",
            "fpn.fpn1.conv_transpose1": "encoder.to_stride_4.0",
            "fpn.fpn1.normalization": "encoder.to_stride_4.1",
            "fpn.fpn1.conv_transpose2": "encoder.to_stride_4.3",
            "fpn.fpn2": "encoder.to_stride_8",
            **UPERNET,
            **(UPERNET_AUXILIARY if config["use_auxiliary_head"] else {"auxiliary_head": None}),
        }


class Data2VecVision(BEiT):
    name = "Data2VecVisionForSemanticSegmentation"
    encoder = "data2vec_vision"


def taps(config: Mapping[str, Any]) -> list[int]:
    """After how many blocks the maps come: transformers counts from 1, the embedding being the first."""
    return [index - 1 for index in config.get("out_indices") or config.get("segmentation_indices") or [3, 5, 7, 11]]
