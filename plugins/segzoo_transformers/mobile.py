"""MobileNetV2 and MobileViT with DeepLabV3, arXiv:1801.04381 section 6.3 and arXiv:2110.02178 section 4.2.2."""

from __future__ import annotations

import torch

import segzoo
from segzoo_transformers.names import TRANSFORMER_LAYER, Rules, join_projections, without
from segzoo_transformers.settings import expect, labels_of, needed, preprocessing_of, with_defaults
from segzoo_transformers.source import PREFIX

MOBILENET_DEFAULTS = {
    "num_channels": 3,
    "depth_multiplier": 1.0,
    "depth_divisible_by": 8,
    "min_depth": 8,
    "expand_ratio": 6.0,
    "output_stride": 32,
    "first_layer_is_expansion": True,
    "hidden_act": "relu6",
    "tf_padding": True,
    "layer_norm_eps": 0.001,
    "classifier_dropout_prob": 0.8,
}
MOBILENETS = {
    0.35: "mobilenetv2_035",
    0.5: "mobilenetv2_050",
    0.75: "mobilenetv2_075",
    1.0: "mobilenetv2_100",
    1.4: "mobilenetv2_140",
}
BLOCKS = (2, 3, 4, 3, 3, 1)
"""Of timm's stages after the first; transformers counts them in one row."""
MOBILENET: Rules = [
    (r"^mobilenet_v2\.conv_stem\.first_conv\.", "encoder.body.stem:"),
    (r"^mobilenet_v2\.conv_stem\.", "encoder.body.blocks.0.0."),
    *(
        (rf"^mobilenet_v2\.layer\.{sum(BLOCKS[:stage]) + block}\.", f"encoder.body.blocks.{stage + 1}.{block}.")
        for stage, count in enumerate(BLOCKS)
        for block in range(count)
    ),
    (r"stem:convolution\.", "conv_stem."),
    (r"stem:normalization\.", "bn1."),
    (r"(blocks\.0\.0)\.conv_3x3\.convolution\.", r"\1.conv_dw."),
    (r"(blocks\.0\.0)\.conv_3x3\.normalization\.", r"\1.bn1."),
    (r"(blocks\.0\.0)\.reduce_1x1\.convolution\.", r"\1.conv_pw."),
    (r"(blocks\.0\.0)\.reduce_1x1\.normalization\.", r"\1.bn2."),
    (r"\.expand_1x1\.convolution\.", ".conv_pw."),
    (r"\.expand_1x1\.normalization\.", ".bn1."),
    (r"\.conv_3x3\.convolution\.", ".conv_dw."),
    (r"\.conv_3x3\.normalization\.", ".bn2."),
    (r"\.reduce_1x1\.convolution\.", ".conv_pwl."),
    (r"\.reduce_1x1\.normalization\.", ".bn3."),
    (r"^segmentation_head\.conv_pool\.", "decoder.aspp.pooling.branches.0."),
    (r"^segmentation_head\.conv_aspp\.", "decoder.aspp.point."),
    (r"^segmentation_head\.conv_projection\.", "decoder.aspp.project."),
    (r"^segmentation_head\.classifier\.convolution\.", "head.classifiers.logits.conv."),
    (r"\.convolution\.", ".conv."),
    (r"\.normalization\.", ".norm."),
]

MOBILEVIT_DEFAULTS = {
    "num_channels": 3,
    "patch_size": 2,
    "hidden_sizes": [144, 192, 240],
    "neck_hidden_sizes": [16, 32, 64, 96, 128, 160, 640],
    "num_attention_heads": 4,
    "mlp_ratio": 2.0,
    "expand_ratio": 4.0,
    "hidden_act": "silu",
    "conv_kernel_size": 3,
    "output_stride": 32,
    "qkv_bias": True,
    "aspp_out_channels": 256,
    "atrous_rates": [6, 12, 18],
    "aspp_dropout_prob": 0.1,
    "classifier_dropout_prob": 0.1,
}
MOBILEVITS = {  # by the widths of the transformers, of the maps, and the expansion
    ((64, 80, 96), (16, 16, 24, 48, 64, 80), 2.0): "mobilevit_xxs",
    ((96, 120, 144), (16, 32, 48, 64, 80, 96), 4.0): "mobilevit_xs",
    ((144, 192, 240), (16, 32, 64, 96, 128, 160), 4.0): "mobilevit_s",
}
MOBILEVIT_NAMES: Rules = [
    (r"^mobilevit\.conv_stem\.", "encoder.stem."),
    (r"^mobilevit\.encoder\.layer\.(\d)\.layer\.", r"encoder.stages.\1."),
    (r"^mobilevit\.encoder\.layer\.(\d)\.downsampling_layer\.", r"encoder.stages.\1.0."),
    (r"^mobilevit\.encoder\.layer\.(\d)\.transformer\.layer\.", r"encoder.stages.\1.1.transformer."),
    (r"^mobilevit\.encoder\.layer\.(\d)\.layernorm\.", r"encoder.stages.\1.1.norm."),
    (r"^mobilevit\.encoder\.layer\.(\d)\.conv_1x1\.convolution\.", r"encoder.stages.\1.1.conv_1x1."),
    (r"^mobilevit\.encoder\.layer\.(\d)\.conv_projection\.", r"encoder.stages.\1.1.conv_proj."),
    (r"^mobilevit\.encoder\.layer\.(\d)\.fusion\.", r"encoder.stages.\1.1.conv_fusion."),
    (r"^mobilevit\.encoder\.layer\.(\d)\.", r"encoder.stages.\1.1."),
    *TRANSFORMER_LAYER,
    (r"\.expand_1x1\.", ".conv1_1x1."),
    (r"\.conv_3x3\.", ".conv2_kxk."),
    (r"\.reduce_1x1\.", ".conv3_1x1."),
    (r"^segmentation_head\.aspp\.convs\.0\.", "decoder.aspp.point."),
    (r"^segmentation_head\.aspp\.convs\.4\.conv_1x1\.", "decoder.aspp.pooling.branches.0."),
    *((rf"^segmentation_head\.aspp\.convs\.{i + 1}\.", f"decoder.aspp.atrous.{i}.") for i in range(3)),
    (r"^segmentation_head\.aspp\.project\.", "decoder.aspp.project."),
    (r"^segmentation_head\.classifier\.convolution\.", "head.classifiers.logits.conv."),
    (r"\.convolution\.", ".conv."),
    (r"^(encoder\..*)\.normalization\.", r"\1.bn."),
    (r"\.normalization\.", ".norm."),
]
FLIPPED = "pictures are taken in the order red, green, blue; the weights of the first layer were put in that order"


def read_mobilenet(source: segzoo.Checkpoint) -> segzoo.Imported:
    """Translate MobileNetV2ForSemanticSegmentation."""
    config = with_defaults(source, MOBILENET_DEFAULTS)
    same = ("depth_divisible_by", "min_depth", "expand_ratio", "first_layer_is_expansion", "hidden_act")
    expect("MobileNetV2", config, **{name: MOBILENET_DEFAULTS[name] for name in same})
    encoder = MOBILENETS.get(config["depth_multiplier"])
    if encoder is None:
        raise segzoo.CheckpointError(
            f"this MobileNetV2 can't be imported: its depth_multiplier is {config['depth_multiplier']!r}, and timm's "
            f"have {', '.join(map(str, MOBILENETS))}"
        )
    weights = segzoo.rename_weights(source.weights, MOBILENET)
    weights = without(weights, r"mobilenet_v2\.conv_1x1\.")  # it belongs to classification
    project = needed(weights, "decoder.aspp.project.conv.weight")
    weights["decoder.aspp.project.conv.weight"] = torch.cat(project.chunk(2, dim=1)[::-1], dim=1)  # pooled comes last
    options = {"bn_eps": config["layer_norm_eps"]} | ({"pad_type": "same"} if config["tf_padding"] else {})
    return _imported(
        source,
        config,
        weights,
        f"timm/{encoder}",
        options | _stride(config),
        {"width": 256, "rates": [], "dropout": 0.0, "head_dropout": config["classifier_dropout_prob"]},
    )


def read_mobilevit(source: segzoo.Checkpoint) -> segzoo.Imported:
    """Translate MobileViTForSemanticSegmentation."""
    config = with_defaults(source, MOBILEVIT_DEFAULTS)
    same = ("patch_size", "num_attention_heads", "mlp_ratio", "hidden_act", "conv_kernel_size", "qkv_bias")
    expect("MobileViT", config, **{name: MOBILEVIT_DEFAULTS[name] for name in same})
    # the last of neck_hidden_sizes is of a layer for classification
    sizes = (tuple(config["hidden_sizes"]), tuple(config["neck_hidden_sizes"][:-1]), float(config["expand_ratio"]))
    encoder = MOBILEVITS.get(sizes)
    if encoder is None:
        raise segzoo.CheckpointError(
            f"this MobileViT can't be imported: hidden_sizes={config['hidden_sizes']}, "
            f"neck_hidden_sizes={config['neck_hidden_sizes']}, expand_ratio={config['expand_ratio']} are those of none "
            f"of {', '.join(MOBILEVITS.values())}"
        )
    weights = join_projections(segzoo.rename_weights(source.weights, MOBILEVIT_NAMES))
    return _imported(
        source,
        config,
        weights,
        PREFIX + encoder,
        _stride(config),
        {
            "width": config["aspp_out_channels"],
            "rates": list(config["atrous_rates"]),
            "dropout": config["aspp_dropout_prob"],
            "head_dropout": config["classifier_dropout_prob"],
        },
    )


def _stride(config: dict[str, object]) -> dict[str, object]:
    return {"output_stride": config["output_stride"]} if config["output_stride"] != 32 else {}


def _imported(
    source: segzoo.Checkpoint,
    config: dict[str, object],
    weights: dict[str, torch.Tensor],
    encoder: str,
    encoder_options: dict[str, object],
    decoder_options: dict[str, object],
) -> segzoo.Imported:
    classes = needed(weights, "head.classifiers.logits.conv.weight").shape[0]
    notes: tuple[str, ...] = ()
    preprocessing = preprocessing_of(source)
    if preprocessing is not None and source.json("preprocessor_config.json").get("do_flip_channel_order"):
        for name in ("encoder.stem.conv.weight", "encoder.body.conv_stem.weight"):
            if name in weights:
                weights[name] = weights[name].flip(1)
        notes = (FLIPPED,)
    return segzoo.Imported(
        arguments={
            "encoder": encoder,
            "decoder": "deeplabv3",
            "classes": classes,
            "in_channels": config["num_channels"],
            "encoder_options": encoder_options,
            "decoder_options": {**decoder_options, "refine": False, "output_stride": None},
        },
        weights=weights,
        preprocessing=preprocessing,
        labels=labels_of(config, classes),
        notes=notes,
    )
