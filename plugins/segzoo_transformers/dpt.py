"""DPTForSemanticSegmentation: the Dense Prediction Transformer, arXiv:2103.13413."""

from __future__ import annotations

import torch

import segzoo
from segzoo_transformers.names import TRANSFORMER_LAYER, Rules, join_projections, without
from segzoo_transformers.settings import expect, labels_of, needed, preprocessing_of, with_defaults

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
NAMES: Rules = [
    (r"^dpt\.embeddings\.cls_token$", "encoder.body.cls_token"),
    (r"^dpt\.embeddings\.position_embeddings$", "encoder.body.pos_embed"),
    (r"^dpt\.embeddings\.patch_embeddings\.projection\.", "encoder.body.patch_embed.proj."),
    (r"^dpt\.encoder\.layer\.", "encoder.body.blocks."),
    *TRANSFORMER_LAYER,
    (r"^neck\.reassemble_stage\.readout_projects\.(\d)\.0\.", r"decoder.readouts.\1.project."),
    (r"^neck\.reassemble_stage\.layers\.(\d)\.projection\.", r"decoder.reassembles.\1.project."),
    (r"^neck\.reassemble_stage\.layers\.(\d)\.resize\.", r"decoder.reassembles.\1.scale."),
    (r"^neck\.convs\.(\d)\.", r"decoder.reassembles.\1.to_width."),
    # transformers counts from the coarsest
    *((rf"^neck\.fusion_stage\.layers\.{i}\.", f"decoder.fusions.{MAPS - 1 - i}:") for i in range(MAPS)),
    (r":projection\.", ".project."),
    (r":residual_layer1\.", ".refine_level.convs."),
    (r":residual_layer2\.", ".refine_sum.convs."),
    (r"\.convs\.convolution(\d)\.", r".convs.\1.conv."),
    (r"\.convs\.batch_norm(\d)\.", r".convs.\1.norm."),
    (r"^head\.head\.0\.", "decoder.refine.conv."),
    (r"^head\.head\.1\.", "decoder.refine.norm."),
    (r"^head\.head\.4\.", "head.classifiers.logits.conv."),
]


def read(source: segzoo.Checkpoint) -> segzoo.Imported:
    """Translate it."""
    config = with_defaults(source, DEFAULTS)
    blocks, norm = config["num_hidden_layers"], bool(config["use_batch_norm_in_fusion_residual"])
    expect(
        "DPT",
        config,
        is_hybrid=False,
        backbone_config=None,
        hidden_act="gelu",
        qkv_bias=True,
        patch_size=16,
        readout_type="project",
        reassemble_factors=[4, 2, 1, 0.5],
        neck_ignore_stages=[],
        head_in_index=-1,
        backbone_out_indices=[(i + 1) * blocks // MAPS - 1 for i in range(MAPS)],
    )
    if config["use_bias_in_fusion_residual"] not in (None, not norm):
        expect("DPT", config, use_bias_in_fusion_residual=not norm)
    weights = join_projections(segzoo.rename_weights(source.weights, NAMES))
    # the norm comes after the last map, and the auxiliary head stands on a map of the decoder's
    weights = without(weights, r"dpt\.layernorm\.", r"dpt\.pooler\.", r"auxiliary_head\.")
    for level in range(MAPS):
        name = f"decoder.readouts.{level}.project.weight"
        weights[name] = needed(weights, name)[..., None, None]  # a linear layer is a 1x1 convolution
    # Of the coarsest level transformers refines the sum alone, to which nothing is added: the unit before is to do
    # nothing, which a residual unit does when what it adds is zero.
    last = f"decoder.fusions.{MAPS - 1}.refine_level.convs.2.{'norm' if norm else 'conv'}"
    for name in (f"{last}.weight", f"{last}.bias"):
        weights[name] = torch.zeros_like(needed(weights, name))
    notes = ["position embeddings are resized by timm's rule: images of another size give slightly other logits"]
    if config["use_auxiliary_head"]:
        notes.append("the auxiliary head was left out: it stands on a map of the decoder's; predictions don't use it")
    classes = needed(weights, "head.classifiers.logits.conv.weight").shape[0]
    return segzoo.Imported(
        arguments={
            "encoder": "timm/vit_base_patch16_224",
            "decoder": "dpt",
            "classes": classes,
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
                "residual_norm": norm,
                "align_corners": True,
            },
        },
        weights=weights,
        preprocessing=preprocessing_of(source),
        labels=labels_of(config, classes),
        notes=tuple(notes),
    )
