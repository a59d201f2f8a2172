"""FCN, arXiv:1411.4038."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

import segzoo
from segzoo_mmseg.architecture import CONV, DROPOUT, MMSegArchitecture, width


class FCN(MMSegArchitecture):
    name = "FCN"
    decoder = "fcn"
    marks = ("convs.0.conv.weight",)

    def fits(self, weights: Mapping[str, Tensor]) -> bool:
        return super().fits(weights) and weights["decode_head.convs.0.conv.weight"].shape[-1] == 3

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "width": width(weights, "convs.0"),
            "convs": len([name for name in weights if re.fullmatch(r"decode_head\.convs\.\d+\.conv\.weight", name)]),
            "concat_input": "decode_head.conv_cat.conv.weight" in weights,
            "dropout": DROPOUT,
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        return {**segzoo.under("convs.{}", "convs.{}", CONV), **segzoo.under("conv_cat", "join", CONV)}
