"""FCN, arXiv:1411.4038."""

from __future__ import annotations

from typing import ClassVar

import segzoo
from segzoo_torchvision.architecture import CLASSIFIER, RESNETS, TorchvisionArchitecture


class FCN(TorchvisionArchitecture):
    name = "fcn"
    decoder = "fcn"
    backbones = RESNETS
    mark = "classifier.0.weight"
    decoder_names: ClassVar[segzoo.Table] = {
        "classifier.0": "decoder.convs.0.conv",
        "classifier.1": "decoder.convs.0.norm",
        "classifier.4": CLASSIFIER,
    }
