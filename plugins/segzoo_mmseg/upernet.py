"""UPerNet, arXiv:1807.10221."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

import segzoo
from segzoo_mmseg.architecture import CONV, DROPOUT, MMSegArchitecture, width


class UPerNet(MMSegArchitecture):
    name = "UPerNet"
    decoder = "upernet"
    marks = ("lateral_convs.0.conv.weight", "psp_modules.3.1.conv.weight")
    takes_pyramid = True

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "width": width(weights, "fpn_bottleneck"),
            "grids": [1, 2, 3, 6],
            "input_norm": False,
            "dropout": DROPOUT,
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        return {
            **segzoo.under("psp_modules.{}.1", "pooling.branches.{}", CONV),
            **segzoo.under("bottleneck", "context", CONV),
            **segzoo.under("lateral_convs.{}", "laterals.{}", CONV),
            **segzoo.under("fpn_convs.{}", "smooth.{}", CONV),
            **segzoo.under("fpn_bottleneck", "fuse", CONV),
        }
