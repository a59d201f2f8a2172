"""Swin Transformer, arXiv:2103.14030, as the backbone of several architectures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import segzoo
from segzoo_transformers.architecture import expect
from segzoo_transformers.names import TRANSFORMER_LAYER

DEFAULTS = {
    "patch_size": 4,
    "num_channels": 3,
    "embed_dim": 96,
    "depths": [2, 2, 6, 2],
    "num_heads": [3, 6, 12, 24],
    "window_size": 7,
    "mlp_ratio": 4.0,
    "qkv_bias": True,
    "drop_path_rate": 0.1,
    "hidden_act": "gelu",
    "use_absolute_embeddings": False,
}
WITHIN: segzoo.Table = {
    "embeddings.patch_embeddings.projection": "patches",
    "embeddings.norm": "patches_norm",
    "encoder.layers.0.downsample": "stages.1.merge",
    "encoder.layers.1.downsample": "stages.2.merge",
    "encoder.layers.2.downsample": "stages.3.merge",
    **segzoo.under(
        "encoder.layers.{}.blocks.{}",
        "stages.{}.blocks.{}",
        {
            "attention.self.relative_position_bias_table": "attn.relative_position_bias_table",
            "attention.self.relative_position_index": None,  # earlier versions saved it, though it is no weight
        },
        TRANSFORMER_LAYER,
    ),
    "layernorm": None,  # comes after the last map: nothing uses it
}


def swin_arguments(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of `create_model`, from the backbone's config.

    :raises CheckpointError: when it has what segzoo hasn't.
    """
    config = {**DEFAULTS, **said}
    expect(
        "Swin Transformer",
        config,
        patch_size=4,
        mlp_ratio=4.0,
        qkv_bias=True,
        hidden_act="gelu",
        use_absolute_embeddings=False,
    )
    return {
        "encoder": "swin/swin",
        "in_channels": config["num_channels"],
        "encoder_options": {
            "width": config["embed_dim"],
            "blocks": list(config["depths"]),
            "heads": list(config["num_heads"]),
            "window": config["window_size"],
            "drop_path_rate": config["drop_path_rate"],
        },
    }


def swin_names(root: str) -> segzoo.Table:
    """Its weights under a path of transformers', and segzoo's."""
    return {
        **{f"{root}.hidden_states_norms.stage{stage + 1}": f"encoder.norms.{stage}" for stage in range(4)},
        f"{root}.hidden_states_norms.{{}}": "encoder.norms.{}",
        **segzoo.under(f"{root}.swin", "encoder", WITHIN),  # as some versions nest it
        **segzoo.under(f"{root}.model", "encoder", WITHIN),  # and MaskFormer
        **segzoo.under(root, "encoder", WITHIN),
    }
