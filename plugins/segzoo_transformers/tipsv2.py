"""TIPSv2, arXiv:2604.12012, with the decoder of the Dense Prediction Transformer, arXiv:2103.13413."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import segzoo
from segzoo_transformers.architecture import TransformersArchitecture, expect
from segzoo_transformers.index import TIPSV2
from segzoo_transformers.tipsv2_encoder import MAPS, PATCH

DEFAULTS = {
    "neck_hidden_sizes": [96, 192, 384, 768],
    "fusion_hidden_size": 256,
    "reassemble_factors": [4, 2, 1, 0.5],
    "readout_activation": "gelu_pytorch_tanh",
}
BACKBONE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "mlp_ratio": 4,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
    "image_size": 448,
    "patch_size": PATCH,
    "num_channels": 3,
    "qkv_bias": True,
    "use_swiglu_ffn": False,
    "num_register_tokens": 1,
    "out_indices": [3, 6, 9, 12],
    "apply_layernorm": True,
    "drop_path_rate": 0.0,
    "model_type": "tipsv2_vision_model",
}
ALIKE = ("hidden_act", "layer_norm_eps", "patch_size", "qkv_bias", "apply_layernorm", "model_type")
READOUTS = {"gelu": "gelu", "gelu_pytorch_tanh": "gelu_tanh"}

DENSE = "Tipsv2DptForDensePrediction"
"""transformers' class with three decoders, of which one segments. The authors publish their weights as one of it."""
OTHER_TASKS = ("depth", "normals")

# Folders hold the names of the authors' code, or, as transformers' save_original_format=False writes them, its own.
ENCODER: segzoo.Table = {
    "vision_encoder.cls_token": "encoder.cls_token",
    "vision_encoder.mask_token": None,  # of pretraining
    "vision_encoder.register_tokens": "encoder.registers",
    "vision_encoder.pos_embed": "encoder.positions",
    "vision_encoder.patch_embed.proj": "encoder.patches",
    **segzoo.under(
        "vision_encoder.blocks.{}",
        "encoder.blocks.{}",
        {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2", "mlp.w12": "mlp.fc1", "mlp.w3": "mlp.fc2", "": ""},
    ),
    "vision_encoder.norm": "encoder.norm",
    "backbone.embeddings.cls_token": "encoder.cls_token",
    "backbone.embeddings.mask_token": None,
    "backbone.embeddings.register_tokens": "encoder.registers",
    "backbone.embeddings.position_embeddings": "encoder.positions",
    "backbone.embeddings.patch_embeddings.projection": "encoder.patches",
    **segzoo.under(
        "backbone.encoder.layer.{}",
        "encoder.blocks.{}",
        {
            **{f"attention.{name}_proj": segzoo.join("attn.qkv", part) for part, name in enumerate("qkv")},
            "attention.o_proj": "attn.proj",
            "layer_scale1.lambda1": "ls1.gamma",
            "layer_scale2.lambda1": "ls2.gamma",
            "mlp.gate_proj": segzoo.join("mlp.fc1", 0),
            "mlp.up_proj": segzoo.join("mlp.fc1", 1),
            "mlp.down_proj": "mlp.fc2",
            "": "",
        },
    ),
    "backbone.layernorm": "encoder.norm",
}
FUSION: segzoo.Table = {
    "residual_layer1.convolution{}": "refine_level.convs.{}.conv",
    "residual_layer2.convolution{}": "refine_sum.convs.{}.conv",
    "projection": "project",
}


def fusions_from_the_coarsest(theirs: str, table: segzoo.Table) -> segzoo.Table:
    """Rows of the steps of fusion, which are counted from the finest here."""
    return {
        path: target
        for step in range(MAPS)
        for path, target in segzoo.under(f"{theirs}.{step}", f"decoder.fusions.{MAPS - 1 - step}", table).items()
    }


HEAD: segzoo.Table = {
    "reassemble.readout_projects.{}": segzoo.as_conv("decoder.readouts.{}.project"),
    "reassemble.out_projections.{}": "decoder.reassembles.{}.project",
    "reassemble.resize_layers.{}": "decoder.reassembles.{}.scale",
    "convs.{}": "decoder.reassembles.{}.to_width",
    **fusions_from_the_coarsest(
        "fusion_blocks",
        {
            "residual_unit.conv{}": "refine_level.convs.{}.conv",
            "main_unit.conv{}": "refine_sum.convs.{}.conv",
            "out_conv": "project",
        },
    ),
    "project": "decoder.refine.conv",
    "segmentation_head": segzoo.as_conv("head.classifiers.logits.conv"),
}
NECK: segzoo.Table = {
    "reassemble_stage.readout_projects.{}.layers.0": segzoo.as_conv("decoder.readouts.{}.project"),
    "reassemble_stage.layers.{}.projection": "decoder.reassembles.{}.project",
    "reassemble_stage.layers.{}.resize": "decoder.reassembles.{}.scale",
    "convs.{}": "decoder.reassembles.{}.to_width",
    **fusions_from_the_coarsest("fusion_stage.layers", FUSION),
}
DECODER: segzoo.Table = {
    "project": "decoder.refine.conv",
    "head": segzoo.as_conv("head.classifiers.logits.conv"),
}
CLASSIFIERS = ("segmentation_head.segmentation_head.weight", "decoder.head.weight", "segmentation_decoder.head.weight")


class TIPSv2(TransformersArchitecture):
    name = "Tipsv2DptForSemanticSegmentation"
    defaults = DEFAULTS
    same: ClassVar[Mapping[str, Any]] = {"reassemble_factors": DEFAULTS["reassemble_factors"]}

    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        return super().recognises(checkpoint) or DENSE in (checkpoint.config.get("architectures") or [])

    def classes(self, checkpoint: segzoo.Checkpoint) -> int:
        found = [name for name in CLASSIFIERS if name in checkpoint.weights]
        return checkpoint.weight((found or CLASSIFIERS)[0]).shape[0]

    def config(self, checkpoint: segzoo.Checkpoint) -> dict[str, Any]:
        config = super().config(checkpoint)
        backbone = {**BACKBONE, **(config.get("backbone_config") or {})}
        expect("TIPSv2", backbone, **{name: BACKBONE[name] for name in ALIKE})
        return {**config, **backbone}

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config = self.config(checkpoint)
        width, gated, image = config["hidden_size"], bool(config["use_swiglu_ffn"]), config["image_size"]
        if config["readout_activation"] not in READOUTS:
            raise segzoo.CheckpointError(
                f"this TIPSv2 can't be imported: its readout_activation is {config['readout_activation']!r}, and "
                f"segzoo's has {', '.join(READOUTS)}"
            )
        hidden = int(width * config["mlp_ratio"])
        return {
            "encoder": TIPSV2,
            "decoder": "dpt",
            "classes": self.classes(checkpoint),
            "in_channels": config["num_channels"],
            "encoder_options": {
                "width": width,
                "heads": config["num_attention_heads"],
                "hidden": (int(hidden * 2 / 3) + 7) // 8 * 8 if gated else hidden,  # as DINOv2 shrinks what is gated
                "gated": gated,
                "taps": list(config["out_indices"]),
                "registers": config["num_register_tokens"],
                "grid": (image if isinstance(image, int) else image[0]) // PATCH,
                "drop_path_rate": config["drop_path_rate"],
            },
            "decoder_options": {
                "width": config["fusion_hidden_size"],
                "reassemble_widths": list(config["neck_hidden_sizes"]),
                "readout_act": READOUTS[config["readout_activation"]],
                "dropout": 0.0,
                "residual_norm": False,
                "residual_bias": False,
                "refine_coarsest": False,
                "last_act": False,
                "output_size": "double",
                "align_corners": "maps",
            },
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        config = self.config(checkpoint)
        unused = range(config["out_indices"][-1], config["num_hidden_layers"])
        return {
            **{f"vision_encoder.blocks.{block}": None for block in unused},
            **{f"backbone.encoder.layer.{block}": None for block in unused},
            **ENCODER,
            **segzoo.under("segmentation_head", "", HEAD),
            **segzoo.under("neck", "", NECK),
            **segzoo.under("decoder", "", DECODER),
            **segzoo.under("segmentation_neck", "", NECK),
            **segzoo.under("segmentation_decoder", "", DECODER),
            **{f"{task}_{part}": None for task in OTHER_TASKS for part in ("head", "neck", "decoder")},
        }

    def notes(self, checkpoint: segzoo.Checkpoint) -> Sequence[str]:
        return (
            "where a side of the image is an odd number of patches, transformers resizes the finer map, and segzoo the "
            "coarser one: logits differ slightly",
        )

    def losses(self, checkpoint: segzoo.Checkpoint) -> Sequence[str]:
        if super().recognises(checkpoint):
            return ()
        return ("the decoders of depth and of normals were left out; classes don't depend on them",)
