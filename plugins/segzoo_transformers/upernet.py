"""UPerNet, arXiv:1807.10221, on Swin Transformer or ConvNeXt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import segzoo
from segzoo_transformers.architecture import TransformersArchitecture, expect
from segzoo_transformers.names import UPERNET, UPERNET_AUXILIARY
from segzoo_transformers.swin import swin_arguments, swin_names

STAGES = ["stage1", "stage2", "stage3", "stage4"]
DEFAULTS = {
    "hidden_size": 512,
    "pool_scales": [1, 2, 3, 6],
    "use_auxiliary_head": True,
    "auxiliary_channels": 256,
    "auxiliary_num_convs": 1,
    "auxiliary_concat_input": False,
}
SIMPLE = ("auxiliary_channels", "auxiliary_num_convs", "auxiliary_concat_input")
CONVNEXT_DEFAULTS = {
    "patch_size": 4,
    "num_channels": 3,
    "hidden_sizes": [96, 192, 384, 768],
    "depths": [3, 3, 9, 3],
    "hidden_act": "gelu",
    "drop_path_rate": 0.0,
}
CONVNEXT: segzoo.Table = {
    "backbone.embeddings.patch_embeddings": "encoder.body.stem.0",
    "backbone.embeddings.layernorm": "encoder.body.stem.1",
    **{f"backbone.hidden_states_norms.stage{stage + 1}": f"decoder.input_norms.{stage}" for stage in range(4)},
    "backbone.encoder.stages.{}.downsampling_layer": "encoder.body.stages.{}.downsample",
    **segzoo.under(
        "backbone.encoder.stages.{}.layers.{}",
        "encoder.body.stages.{}.blocks.{}",
        {
            "layer_scale_parameter": "gamma",
            "dwconv": "conv_dw",
            "layernorm": "norm",
            "pwconv1": "mlp.fc1",
            "pwconv2": "mlp.fc2",
        },
    ),
    "backbone.layernorm": None,
}


@dataclass(frozen=True)
class Backbone:
    """An encoder of segzoo's that is one of transformers'.

    :param arguments: of `create_model`.
    :param decoder_options: likewise.
    :param auxiliary: why the auxiliary head can't be imported; empty if it can.
    """

    arguments: Mapping[str, Any]
    names: segzoo.Table
    decoder_options: Mapping[str, Any] = field(default_factory=dict)
    auxiliary: str = ""


class UPerNet(TransformersArchitecture):
    name = "UperNetForSemanticSegmentation"
    defaults = DEFAULTS

    def backbone(self, checkpoint: segzoo.Checkpoint) -> Backbone:
        """The encoder.

        :raises CheckpointError: when segzoo has none that is the same.
        """
        config = self.config(checkpoint)
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
        return BACKBONES[kind](inner)

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config, backbone = self.config(checkpoint), self.backbone(checkpoint)
        return {
            **backbone.arguments,
            "decoder": "upernet",
            "classes": self.classes(checkpoint),
            "decoder_options": {
                "width": config["hidden_size"],
                "grids": list(config["pool_scales"]),
                **backbone.decoder_options,
            },
            "auxiliary": (4,) if config["use_auxiliary_head"] and not self.losses(checkpoint) else (),
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        auxiliary = {"auxiliary_head": None} if self.losses(checkpoint) else UPERNET_AUXILIARY
        return {**UPERNET, **auxiliary, **self.backbone(checkpoint).names}

    def losses(self, checkpoint: segzoo.Checkpoint) -> Sequence[str]:
        config, reason = self.config(checkpoint), self.backbone(checkpoint).auxiliary
        if any(config[name] != DEFAULTS[name] for name in SIMPLE):
            reason = f"segzoo's is one convolution to {DEFAULTS['auxiliary_channels']} channels"
        if not (config["use_auxiliary_head"] and reason):
            return ()
        return (f"the auxiliary head was left out: {reason}; predictions don't depend on it",)


def _swin(said: Mapping[str, Any]) -> Backbone:
    return Backbone(swin_arguments(said), swin_names("backbone"), {"input_norm": False})


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
