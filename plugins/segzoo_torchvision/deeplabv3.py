"""DeepLabV3, arXiv:1706.05587."""

from __future__ import annotations

from typing import ClassVar

import segzoo
from segzoo_torchvision.architecture import CLASSIFIER, RESNETS, TorchvisionArchitecture

CONV: segzoo.Table = {"0": "conv", "1": "norm"}
ASPP: segzoo.Table = {
    **segzoo.under("convs.0", "point", CONV),
    **segzoo.under("convs.1", "atrous.0", CONV),
    **segzoo.under("convs.2", "atrous.1", CONV),
    **segzoo.under("convs.3", "atrous.2", CONV),
    "convs.4.1": "pooling.branches.0.conv",
    "convs.4.2": "pooling.branches.0.norm",
    **segzoo.under("project", "project", CONV),
}


class DeepLabV3(TorchvisionArchitecture):
    name = "deeplabv3"
    decoder = "deeplabv3"
    backbones = (*RESNETS, "mobilenet_v3_large")
    mark = "classifier.0.convs.0.0.weight"
    decoder_names: ClassVar[segzoo.Table] = {
        **segzoo.under("classifier.0", "decoder.aspp", ASPP),
        "classifier.1": "decoder.refine.conv",
        "classifier.2": "decoder.refine.norm",
        "classifier.4": CLASSIFIER,
    }
