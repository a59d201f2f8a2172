"""UperNetForSemanticSegmentation: UPerNet, arXiv:1807.10221, on Swin Transformer or ConvNeXt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import segzoo
from segzoo_transformers.names import INDEX, TRANSFORMER_LAYER, UPERNET, Rules, join_projections, without
from segzoo_transformers.settings import expect, labels_of, needed, preprocessing_of, with_defaults

STAGES = ["stage1", "stage2", "stage3", "stage4"]
DEFAULTS = {
    "hidden_size": 512,
    "pool_scales": [1, 2, 3, 6],
    "use_auxiliary_head": True,
    "auxiliary_channels": 256,
    "auxiliary_num_convs": 1,
    "auxiliary_concat_input": False,
}
SWIN_DEFAULTS = {
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
SWIN: Rules = [
    (r"^backbone\.(swin\.)?embeddings\.patch_embeddings\.projection\.", "encoder.patches."),
    (r"^backbone\.(swin\.)?embeddings\.norm\.", "encoder.patches_norm."),
    (r"^backbone\.hidden_states_norms\.stage1\.", "encoder.norms.0."),
    (r"^backbone\.hidden_states_norms\.stage2\.", "encoder.norms.1."),
    (r"^backbone\.hidden_states_norms\.stage3\.", "encoder.norms.2."),
    (r"^backbone\.hidden_states_norms\.stage4\.", "encoder.norms.3."),
    *(
        (rf"^backbone\.(swin\.)?encoder\.layers\.{stage}\.downsample\.", f"encoder.stages.{stage + 1}.merge.")
        for stage in range(3)
    ),
    (r"^backbone\.(swin\.)?encoder\.layers\.", "encoder.stages."),
    (r"\.attention\.self\.relative_position_bias_table$", ".attn.relative_position_bias_table"),
    *TRANSFORMER_LAYER,
]
CONVNEXT_DEFAULTS = {
    "patch_size": 4,
    "num_channels": 3,
    "hidden_sizes": [96, 192, 384, 768],
    "depths": [3, 3, 9, 3],
    "hidden_act": "gelu",
    "drop_path_rate": 0.0,
}
CONVNEXT: Rules = [
    (r"^backbone\.embeddings\.patch_embeddings\.", "encoder.body.stem.0."),
    (r"^backbone\.embeddings\.layernorm\.", "encoder.body.stem.1."),
    *((rf"^backbone\.hidden_states_norms\.stage{stage + 1}\.", f"decoder.input_norms.{stage}.") for stage in range(4)),
    (r"^backbone\.encoder\.stages\.(\d)\.downsampling_layer\.", r"encoder.body.stages.\1.downsample."),
    (r"^backbone\.encoder\.stages\.(\d)\.layers\.", r"encoder.body.stages.\1.blocks."),
    (r"\.layer_scale_parameter$", ".gamma"),
    (r"\.dwconv\.", ".conv_dw."),
    (r"\.layernorm\.", ".norm."),
    (r"\.pwconv1\.", ".mlp.fc1."),
    (r"\.pwconv2\.", ".mlp.fc2."),
]


@dataclass(frozen=True)
class Backbone:
    """An encoder of segzoo's that is one of transformers'.

    :param arguments: of `create_model`.
    :param decoder_options: likewise.
    :param auxiliary: why the auxiliary head can't be imported; empty if it can.
    """

    arguments: Mapping[str, Any]
    names: Rules
    decoder_options: Mapping[str, Any] = field(default_factory=dict)
    auxiliary: str = ""


def read(source: segzoo.Checkpoint) -> segzoo.Imported:
    """Translate it."""
    config = with_defaults(source, DEFAULTS)
    inner = config.get("backbone_config")
    kind = str(inner.get("model_type") if isinstance(inner, Mapping) else config.get("backbone"))
    if not isinstance(inner, Mapping) or kind not in BACKBONES:
        raise segzoo.CheckpointError(
            f"this UPerNet can't be imported: its backbone is {kind!r}, and segzoo reads those on "
            f"{', '.join(BACKBONES)}"
        )
    if inner.get("out_features", STAGES) != STAGES:
        raise segzoo.CheckpointError(
            f"this UPerNet can't be imported: its backbone gives {inner['out_features']}, expected {STAGES}"
        )
    backbone = BACKBONES[kind](inner)
    kept = without(source.weights, INDEX)
    weights = join_projections(segzoo.rename_weights(kept, [*UPERNET, *backbone.names]))
    weights = without(weights, r"backbone\.(swin\.)?layernorm\.")  # comes after the last map: nothing uses it
    notes: list[str] = []
    auxiliary: tuple[int, ...] = (4,) if config["use_auxiliary_head"] else ()
    simple = {name: DEFAULTS[name] for name in ("auxiliary_channels", "auxiliary_num_convs", "auxiliary_concat_input")}
    reason = backbone.auxiliary
    if any(config[name] != value for name, value in simple.items()):
        reason = f"segzoo's is one convolution to {simple['auxiliary_channels']} channels"
    if auxiliary and reason:
        notes.append(f"the auxiliary head was left out: {reason}; predictions don't depend on it")
        weights, auxiliary = without(weights, r"auxiliary(_head)?\."), ()
    classes = needed(weights, "head.classifiers.logits.conv.weight").shape[0]
    return segzoo.Imported(
        arguments={
            **backbone.arguments,
            "decoder": "upernet",
            "classes": classes,
            "decoder_options": {
                "width": config["hidden_size"],
                "grids": list(config["pool_scales"]),
                **backbone.decoder_options,
            },
            "auxiliary": auxiliary,
        },
        weights=weights,
        preprocessing=preprocessing_of(source),
        labels=labels_of(config, classes),
        notes=tuple(notes),
    )


def _swin(said: Mapping[str, Any]) -> Backbone:
    config = {**SWIN_DEFAULTS, **said}
    expect(
        "Swin Transformer",
        config,
        patch_size=4,
        mlp_ratio=4.0,
        qkv_bias=True,
        hidden_act="gelu",
        use_absolute_embeddings=False,
    )
    return Backbone(
        {
            "encoder": "swin/swin",
            "in_channels": config["num_channels"],
            "encoder_options": {
                "width": config["embed_dim"],
                "blocks": list(config["depths"]),
                "heads": list(config["num_heads"]),
                "window": config["window_size"],
                "drop_path_rate": config["drop_path_rate"],
            },
        },
        SWIN,
        {"input_norm": False},
    )


def _convnext(said: Mapping[str, Any]) -> Backbone:
    config = {**CONVNEXT_DEFAULTS, **said}
    expect("ConvNeXt", config, patch_size=4, hidden_act="gelu")
    return Backbone(
        {
            "encoder": "timm/convnext_tiny",
            "in_channels": config["num_channels"],
            "encoder_options": {
                "dims": list(config["hidden_sizes"]),
                "depths": list(config["depths"]),
                "drop_path_rate": config["drop_path_rate"],
            },
        },
        CONVNEXT,
        auxiliary="it takes a map after a layer norm that is the decoder's here",
    )


BACKBONES: Mapping[str, Callable[[Mapping[str, Any]], Backbone]] = {"swin": _swin, "convnext": _convnext}
