"""DeepLabV3, arXiv:1706.05587, and DeepLabV3+, arXiv:1802.02611."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

import segzoo
from segzoo_mmseg.architecture import CONV, DROPOUT, SEPARABLE, MMSegArchitecture, moved_last, width


class DeepLabV3(MMSegArchitecture):
    name = "DeepLabV3"
    decoder = "deeplabv3"
    marks: ClassVar[tuple[str, ...]] = ("image_pool.1.conv.weight",)

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "width": width(weights, "bottleneck"),
            "rates": [12, 24, 36],
            "project_kernel": 3,
            "dropout": 0.0,
            "head_dropout": DROPOUT,
        }

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        pooled = width(weights, "image_pool.1")
        atrous: dict[str, Any] = {}
        for rate in range(3):
            atrous |= segzoo.under(f"aspp_modules.{rate + 1}", f"aspp.atrous.{rate}", CONV, SEPARABLE)
        return {
            **segzoo.under("image_pool.1", "aspp.pooling.branches.0", CONV),
            **segzoo.under("aspp_modules.0", "aspp.point", CONV),
            **atrous,
            "bottleneck.conv.weight": moved_last("aspp.project.conv.weight", pooled),
            **segzoo.under("bottleneck", "aspp.project", CONV),
        }


class DeepLabV3Plus(DeepLabV3):
    name = "DeepLabV3+"
    decoder = "deeplabv3plus"
    marks = ("image_pool.1.conv.weight", "c1_bottleneck.conv.weight")

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        more = {"low_width": width(weights, "c1_bottleneck"), "depthwise_norm": True, "fuse_convs": 2}
        return super().options(weights) | more

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        return {
            **super().decoder_names(weights),
            **segzoo.under("c1_bottleneck", "low", CONV),
            **segzoo.under("sep_bottleneck.{}", "fuse.{}", SEPARABLE),
        }
