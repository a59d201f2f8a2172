"""The Dense Prediction Transformer, arXiv:2103.13413."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import segzoo
from segzoo_transformers.architecture import TransformersArchitecture, expect
from segzoo_transformers.names import TRANSFORMER_LAYER

DEFAULTS = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "image_size": 384,
    "patch_size": 16,
    "num_channels": 3,
    "is_hybrid": False,
    "qkv_bias": True,
    "backbone_config": None,
    "backbone_out_indices": [2, 5, 8, 11],
    "readout_type": "project",
    "reassemble_factors": [4, 2, 1, 0.5],
    "neck_hidden_sizes": [96, 192, 384, 768],
    "neck_ignore_stages": [],
    "head_in_index": -1,
    "fusion_hidden_size": 256,
    "use_batch_norm_in_fusion_residual": False,
    "use_bias_in_fusion_residual": None,
    "add_projection": False,
    "semantic_classifier_dropout": 0.1,
    "use_auxiliary_head": True,
}
MAPS = 4
RESIDUAL: segzoo.Table = {"convolution{}": "convs.{}.conv", "batch_norm{}": "convs.{}.norm"}
FUSION: segzoo.Table = {
    "projection": "project",
    **segzoo.under("residual_layer1", "refine_level", RESIDUAL),
    **segzoo.under("residual_layer2", "refine_sum", RESIDUAL),
}


class DPT(TransformersArchitecture):
    name = "DPTForSemanticSegmentation"
    defaults = DEFAULTS
    same: ClassVar[Mapping[str, Any]] = {
        "is_hybrid": False,
        "backbone_config": None,
        "hidden_act": "gelu",
        "qkv_bias": True,
        "patch_size": 16,
        "readout_type": "project",
        "reassemble_factors": [4, 2, 1, 0.5],
        "neck_ignore_stages": [],
        "head_in_index": -1,
    }
    classifier = "head.head.4.weight"

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config = self.config(checkpoint)
        blocks = config["num_hidden_layers"]
        expect("DPT", config, backbone_out_indices=[(i + 1) * blocks // MAPS - 1 for i in range(MAPS)])
        return {
            "encoder": "timm/vit_base_patch16_224",
            "decoder": "dpt",
            "classes": self.classes(checkpoint),
            "in_channels": config["num_channels"],
            "img_size": config["image_size"],
            "encoder_options": {
                "embed_dim": config["hidden_size"],
                "depth": blocks,
                "num_heads": config["num_attention_heads"],
                "mlp_ratio": config["intermediate_size"] / config["hidden_size"],
            },
            "decoder_options": {
                "width": config["fusion_hidden_size"],
                "reassemble_widths": list(config["neck_hidden_sizes"]),
                "dropout": config["semantic_classifier_dropout"],
                "residual_norm": bool(config["use_batch_norm_in_fusion_residual"]),
                "residual_bias": config["use_bias_in_fusion_residual"],
                "refine_coarsest": False,
                "align_corners": True,
            },
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        return {
            "dpt.embeddings.cls_token": "encoder.body.cls_token",
            "dpt.embeddings.position_embeddings": "encoder.body.pos_embed",
            "dpt.embeddings.patch_embeddings.projection": "encoder.body.patch_embed.proj",
            **segzoo.under("dpt.encoder.layer.{}", "encoder.body.blocks.{}", TRANSFORMER_LAYER),
            "dpt.layernorm": None,  # comes after the last map
            "dpt.pooler": None,
            "neck.reassemble_stage.readout_projects.{}.0": segzoo.as_conv("decoder.readouts.{}.project"),
            "neck.reassemble_stage.layers.{}.projection": "decoder.reassembles.{}.project",
            "neck.reassemble_stage.layers.{}.resize": "decoder.reassembles.{}.scale",
            "neck.convs.{}": "decoder.reassembles.{}.to_width",
            "neck.fusion_stage.layers.0.residual_layer1": None,  # nothing uses it: there is no coarser level to add
            **{
                theirs: name
                for i in range(MAPS)  # transformers counts from the coarsest
                for theirs, name in segzoo.under(
                    f"neck.fusion_stage.layers.{i}", f"decoder.fusions.{MAPS - 1 - i}", FUSION
                ).items()
            },
            "head.head.0": "decoder.refine.conv",
            "head.head.1": "decoder.refine.norm",
            "head.head.4": "head.classifiers.logits.conv",
            "auxiliary_head": None,
        }

    def notes(self, checkpoint: segzoo.Checkpoint) -> Sequence[str]:
        return ("position embeddings are resized by timm's rule: images of another size give slightly other logits",)

    def losses(self, checkpoint: segzoo.Checkpoint) -> Sequence[str]:
        if self.config(checkpoint)["use_auxiliary_head"]:
            return ("the auxiliary head was left out: it stands on a map of the decoder's; predictions don't use it",)
        return ()
