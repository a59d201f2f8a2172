"""torchvision's names and segzoo's, as regular expressions to be applied in turn."""

from __future__ import annotations

Rules = list[tuple[str, str]]

CLASSIFIER: Rules = [(r"^classifier\.4\.", "head.classifiers.logits.conv.")]

RESNET: Rules = [(r"^backbone\.", "encoder.body.")]
"""Their ResNets name their layers as timm does."""

MOBILENET: Rules = [
    (r"^backbone\.(\d+)\.", r"encoder.layers.\1."),
    # the first block has no expansion, and the last layer is a plain convolution
    (r"\.layers\.1\.block\.0\.0\.", ".layers.1.conv_dw."),
    (r"\.layers\.1\.block\.0\.1\.", ".layers.1.bn1."),
    (r"\.layers\.1\.block\.1\.0\.", ".layers.1.conv_pw."),
    (r"\.layers\.1\.block\.1\.1\.", ".layers.1.bn2."),
    (r"\.layers\.16\.0\.", ".layers.16.conv."),
    (r"\.layers\.16\.1\.", ".layers.16.bn1."),
    (r"\.block\.0\.0\.", ".conv_pw."),
    (r"\.block\.0\.1\.", ".bn1."),
    (r"\.block\.1\.0\.", ".conv_dw."),
    (r"\.block\.1\.1\.", ".bn2."),
    (r"\.block\.2\.fc1\.", ".se.conv_reduce."),
    (r"\.block\.2\.fc2\.", ".se.conv_expand."),
    (r"\.block\.[23]\.0\.", ".conv_pwl."),
    (r"\.block\.[23]\.1\.", ".bn3."),
]

FCN: Rules = [
    *CLASSIFIER,
    (r"^classifier\.0\.", "decoder.convs.0.conv."),
    (r"^classifier\.1\.", "decoder.convs.0.norm."),
]

ASPP: Rules = [
    (r"\.convs\.0\.", ".point."),
    *((rf"\.convs\.{i + 1}\.", f".atrous.{i}.") for i in range(3)),
    (r"\.convs\.4\.1\.", ".pooling.branches.0.conv."),
    (r"\.convs\.4\.2\.", ".pooling.branches.0.norm."),
    (r"\.(point|atrous\.\d|project)\.0\.", r".\1.conv."),
    (r"\.(point|atrous\.\d|project)\.1\.", r".\1.norm."),
]
"""Of atrous spatial pyramid pooling."""

DEEPLABV3: Rules = [
    *CLASSIFIER,
    (r"^classifier\.0\.", "decoder.aspp."),
    *ASPP,
    (r"^classifier\.1\.", "decoder.refine.conv."),
    (r"^classifier\.2\.", "decoder.refine.norm."),
]

LRASPP: Rules = [
    (r"^classifier\.cbr\.0\.", "decoder.high.conv."),
    (r"^classifier\.cbr\.1\.", "decoder.high.norm."),
    (r"^classifier\.scale\.1\.", "decoder.gate."),
    (r"^classifier\.(low|high)_classifier\.", r"decoder.\1_classifier."),
]


def auxiliary(stage: int) -> Rules:
    """Of the auxiliary head at a stage."""
    return [
        (r"^aux_classifier\.0\.", f"auxiliary.{stage}.block.conv."),
        (r"^aux_classifier\.1\.", f"auxiliary.{stage}.block.norm."),
        (r"^aux_classifier\.4\.", f"auxiliary.{stage}.classifiers.logits.conv."),
    ]
