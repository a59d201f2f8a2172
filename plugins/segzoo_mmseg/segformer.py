"""SegFormer, arXiv:2105.15203."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

import segzoo
from segzoo_mmseg.architecture import CONV, DROPOUT, MMSegArchitecture, width


class SegFormer(MMSegArchitecture):
    name = "SegFormer"
    decoder = "segformer"
    marks = ("fusion_conv.conv.weight", "convs.0.bn.weight")
    takes_pyramid = True

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {"width": width(weights, "fusion_conv"), "linear_norm": True, "dropout": DROPOUT}

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        channels = width(weights, "fusion_conv")

        def coarse_to_fine(weight: Tensor) -> Tensor:
            return torch.cat(weight.split(channels, dim=1)[::-1], dim=1)

        return {
            **segzoo.under("convs.{}", "linears.{}", CONV),
            "fusion_conv.conv.weight": segzoo.change("fuse.conv.weight", coarse_to_fine),
            **segzoo.under("fusion_conv", "fuse", CONV),
        }
