"""torchvision's backbones as encoders of segzoo: which one it is, and its names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import segzoo
from segzoo_torchvision.index import NAME as MOBILENET

RESNET: segzoo.Table = {"backbone": "encoder.body"}
"""Their ResNets name their layers as timm does."""

SQUEEZE_EXCITE: segzoo.Table = {"fc1": "se.conv_reduce", "fc2": "se.conv_expand"}
MOBILENET_NAMES: segzoo.Table = {
    "backbone.0.0": "encoder.layers.0.0",
    "backbone.0.1": "encoder.layers.0.1",
    # the first block has no expansion, and the last layer is a plain convolution
    "backbone.1.block.0.0": "encoder.layers.1.conv_dw",
    "backbone.1.block.0.1": "encoder.layers.1.bn1",
    "backbone.1.block.1.0": "encoder.layers.1.conv_pw",
    "backbone.1.block.1.1": "encoder.layers.1.bn2",
    "backbone.16.0": "encoder.layers.16.conv",
    "backbone.16.1": "encoder.layers.16.bn1",
    **segzoo.under(
        "backbone.{}.block",
        "encoder.layers.{}",
        {"0.0": "conv_pw", "0.1": "bn1", "1.0": "conv_dw", "1.1": "bn2"},
        segzoo.under("2", "", SQUEEZE_EXCITE),
        {"2.0": "conv_pwl", "2.1": "bn3", "3.0": "conv_pwl", "3.1": "bn3"},
    ),
}


@dataclass(frozen=True)
class Backbone:
    """One of torchvision's.

    :param encoder: segzoo's name of it.
    :param marks: weights that it has, of which others lack one.
    """

    encoder: str
    marks: tuple[str, ...]
    names: segzoo.Table


BACKBONES: Mapping[str, Backbone] = {
    "resnet101": Backbone("timm/resnet101", ("backbone.layer3.22.conv3.weight",), RESNET),
    "resnet50": Backbone("timm/resnet50", ("backbone.layer3.5.conv3.weight",), RESNET),
    "mobilenet_v3_large": Backbone(MOBILENET, ("backbone.16.0.weight", "backbone.4.block.0.0.weight"), MOBILENET_NAMES),
}
"""By torchvision's names; the first whose marks are there."""
