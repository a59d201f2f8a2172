"""PSPNet, arXiv:1612.01105."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

import segzoo
from segzoo_mmseg.architecture import CONV, DROPOUT, MMSegArchitecture, moved_last, width

GRIDS = [1, 2, 3, 6]


class PSPNet(MMSegArchitecture):
    name = "PSPNet"
    decoder = "pspnet"
    marks = ("psp_modules.3.1.conv.weight",)

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "width": width(weights, "bottleneck"),
            "pool_width": width(weights, "psp_modules.0.1"),
            "grids": GRIDS,
            "kernel": 3,
            "image_norm": True,
            "head_kernel": 1,
            "dropout": DROPOUT,
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        joined = weights["decode_head.bottleneck.conv.weight"].shape[1]
        image = joined - len(GRIDS) * width(weights, "psp_modules.0.1")
        return {
            **segzoo.under("psp_modules.{}.1", "pooling.branches.{}", CONV),
            "bottleneck.conv.weight": moved_last("join.conv.weight", image),
            **segzoo.under("bottleneck", "join", CONV),
        }
