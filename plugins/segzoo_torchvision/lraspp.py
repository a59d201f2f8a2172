"""LR-ASPP of "Searching for MobileNetV3", arXiv:1905.02244."""

from __future__ import annotations

from typing import ClassVar

import segzoo
from segzoo_torchvision.architecture import TorchvisionArchitecture


class LRASPP(TorchvisionArchitecture):
    name = "lraspp"
    decoder = "lraspp"
    backbones = ("mobilenet_v3_large",)
    mark = "classifier.cbr.0.weight"
    classifier = "classifier.low_classifier.weight"
    decoder_names: ClassVar[segzoo.Table] = {
        "classifier.cbr.0": "decoder.high.conv",
        "classifier.cbr.1": "decoder.high.norm",
        "classifier.scale.1": "decoder.gate",
        "classifier.low_classifier": "decoder.low_classifier",
        "classifier.high_classifier": "decoder.high_classifier",
    }
