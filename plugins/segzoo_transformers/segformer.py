"""SegformerForSemanticSegmentation: SegFormer, arXiv:2105.15203."""

from __future__ import annotations

import segzoo
from segzoo_transformers.names import Rules
from segzoo_transformers.settings import expect, labels_of, needed, preprocessing_of, with_defaults

DEFAULTS = {
    "depths": [2, 2, 2, 2],
    "hidden_sizes": [32, 64, 160, 256],
    "sr_ratios": [8, 4, 2, 1],
    "patch_sizes": [7, 3, 3, 3],
    "strides": [4, 2, 2, 2],
    "num_attention_heads": [1, 2, 5, 8],
    "mlp_ratios": [4, 4, 4, 4],
    "hidden_act": "gelu",
    "num_channels": 3,
    "drop_path_rate": 0.1,
    "classifier_dropout_prob": 0.1,
}
SAME_FOR_ALL = ("sr_ratios", "patch_sizes", "strides", "num_attention_heads", "mlp_ratios", "hidden_act")
VARIANTS = {  # by channels and blocks: table 6 of the paper
    ((32, 64, 160, 256), (2, 2, 2, 2)): "mit_b0",
    ((64, 128, 320, 512), (2, 2, 2, 2)): "mit_b1",
    ((64, 128, 320, 512), (3, 4, 6, 3)): "mit_b2",
    ((64, 128, 320, 512), (3, 4, 18, 3)): "mit_b3",
    ((64, 128, 320, 512), (3, 8, 27, 3)): "mit_b4",
    ((64, 128, 320, 512), (3, 6, 40, 3)): "mit_b5",
}
NAMES: Rules = [
    (r"^segformer\.(encoder\.)?", "encoder."),
    (r"^encoder\.patch_embeddings\.(\d)\.proj\.", r"encoder.stages.\1.patches.projection."),
    (r"^encoder\.patch_embeddings\.(\d)\.layer_norm\.", r"encoder.stages.\1.patches.norm."),
    (r"^encoder\.layer_norm\.(\d)\.", r"encoder.stages.\1.norm."),
    (r"^encoder\.block\.(\d)\.", r"encoder.stages.\1.blocks."),
    (r"\.attention\.self\.(query|key|value)\.", r".attention.\1."),
    (r"\.attention\.self\.sr\.", ".attention.reduction.projection."),
    (r"\.attention\.self\.layer_norm\.", ".attention.reduction.norm."),
    (r"\.attention\.output\.dense\.", ".attention.output."),
    (r"\.layer_norm_1\.", ".attention_norm."),
    (r"\.layer_norm_2\.", ".ffn_norm."),
    (r"\.mlp\.dense1\.", ".ffn.expand."),
    (r"\.mlp\.dense2\.", ".ffn.contract."),
    (r"\.mlp\.dwconv\.dwconv\.", ".ffn.depthwise."),
    (r"^decode_head\.linear_c\.(\d)\.proj\.", r"decoder.linears.\1."),
    (r"^decode_head\.linear_fuse\.", "decoder.fuse.conv."),
    (r"^decode_head\.batch_norm\.", "decoder.fuse.norm."),
    (r"^decode_head\.classifier\.", "head.classifiers.logits.conv."),
]


def read(source: segzoo.Checkpoint) -> segzoo.Imported:
    """Translate it."""
    config = with_defaults(source, DEFAULTS)
    expect("SegFormer", config, **{name: DEFAULTS[name] for name in SAME_FOR_ALL})
    encoder = VARIANTS.get((tuple(config["hidden_sizes"]), tuple(config["depths"])))
    if encoder is None:
        raise segzoo.CheckpointError(
            f"this SegFormer can't be imported: its Mix Transformer of hidden_sizes={config['hidden_sizes']} and "
            f"depths={config['depths']} is none of {', '.join(VARIANTS.values())}"
        )
    weights = segzoo.rename_weights(source.weights, NAMES)
    for name in [name for name in weights if name.startswith("decoder.linears.") and name.endswith(".weight")]:
        weights[name] = weights[name][..., None, None]  # a linear layer is a 1x1 convolution
    classifier = needed(weights, "head.classifiers.logits.conv.weight")
    classes, width = classifier.shape[:2]
    return segzoo.Imported(
        arguments={
            "encoder": f"mit/{encoder}",
            "decoder": "segformer",
            "classes": classes,
            "in_channels": config["num_channels"],
            "encoder_options": {"drop_path_rate": config["drop_path_rate"]},
            "decoder_options": {"width": width, "dropout": config["classifier_dropout_prob"]},
        },
        weights=weights,
        preprocessing=preprocessing_of(source),
        labels=labels_of(config, classes),
    )
