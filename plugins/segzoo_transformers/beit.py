"""BeitForSemanticSegmentation: BEiT, arXiv:2106.08254, with UPerNet's decoder."""

from __future__ import annotations

import re

import segzoo
from segzoo_transformers.beit_encoder import PATCH
from segzoo_transformers.names import INDEX, TRANSFORMER_LAYER, UPERNET, Rules, join_projections, without
from segzoo_transformers.settings import expect, labels_of, needed, preprocessing_of, with_defaults
from segzoo_transformers.source import BEIT

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
SAME_FOR_ALL = {
    "hidden_act": "gelu",
    "patch_size": PATCH,
    "use_absolute_position_embeddings": False,
    "use_relative_position_bias": True,
    "use_shared_relative_position_bias": False,
    "auxiliary_channels": 256,
    "auxiliary_num_convs": 1,
    "auxiliary_concat_input": False,
}
BLOCK = r"^beit\.encoder\.layer\.(\d+)\."
NAMES: Rules = [
    (r"^beit\.embeddings\.cls_token$", "encoder.cls_token"),
    (r"^beit\.embeddings\.patch_embeddings\.projection\.", "encoder.patches."),
    (BLOCK + r"attention\.attention\.relative_position_bias\..*$", r"encoder.position_biases.\1.table"),
    (BLOCK + r"attention\.attention\.query\.bias$", r"encoder.blocks.\1.attn.q_bias"),
    (BLOCK + r"attention\.attention\.value\.bias$", r"encoder.blocks.\1.attn.v_bias"),
    (BLOCK, r"encoder.blocks.\1."),
    *TRANSFORMER_LAYER,
    (r"\.lambda_([12])$", r".gamma_\1"),
    (r"^fpn1\.", "encoder.to_stride_4."),
    (r"^fpn2\.0\.", "encoder.to_stride_8."),
    *UPERNET,
]
OF_A_BLOCK = re.compile(r"encoder\.(?:blocks|position_biases)\.(\d+)\.")


def read(source: segzoo.Checkpoint) -> segzoo.Imported:
    """Translate it."""
    config = with_defaults(source, DEFAULTS)
    expect("BEiT", config, **SAME_FOR_ALL)
    counted = config.get("out_indices") or config.get("segmentation_indices") or [3, 5, 7, 11]
    taps = [index - 1 for index in counted]  # transformers counts from 1, the embedding being the first
    kept = without(source.weights, INDEX)
    weights = join_projections(segzoo.rename_weights(kept, NAMES))
    weights = without(weights, r"beit\.(layernorm|pooler)\.", r"beit\.embeddings\.mask_token")
    if not config["use_auxiliary_head"]:
        weights = without(weights, r"auxiliary\.")
    weights = {  # nothing uses what the blocks after the last map compute
        name: weight
        for name, weight in weights.items()
        if not (block := OF_A_BLOCK.match(name)) or int(block[1]) < taps[-1]
    }
    image = config["image_size"]
    height, width = image if isinstance(image, list | tuple) else (image, image)
    classes = needed(weights, "head.classifiers.logits.conv.weight").shape[0]
    return segzoo.Imported(
        arguments={
            "encoder": BEIT,
            "decoder": "upernet",
            "classes": classes,
            "in_channels": config["num_channels"],
            "encoder_options": {
                "width": config["hidden_size"],
                "heads": config["num_attention_heads"],
                "hidden": config["intermediate_size"],
                "taps": taps,
                "grid": [height // PATCH, width // PATCH],
                "drop_path_rate": config["drop_path_rate"],
            },
            "decoder_options": {
                "width": config["hidden_size"],
                "grids": list(config["pool_scales"]),
                "input_norm": False,
            },
            "auxiliary": (4,) if config["use_auxiliary_head"] else (),
        },
        weights=weights,
        preprocessing=preprocessing_of(source),
        labels=labels_of(config, classes),
    )
