"""DeepLabV3, arXiv:1706.05587, and DeepLabV3+, arXiv:1802.02611."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import CONV, HEAD, Architecture, Arguments, only

SEPARABLE: segzoo.Table = {"0.0": "depthwise.conv", "0.1": "pointwise.conv", "1": "pointwise.norm"}


def aspp_names(separable: bool) -> segzoo.Table:
    """Of atrous spatial pyramid pooling."""
    atrous: dict[str, Any] = {}
    for rate in range(3):
        atrous |= segzoo.under(f"convs.{rate + 1}", f"atrous.{rate}", SEPARABLE if separable else CONV)
    return {
        **segzoo.under("convs.0", "point", CONV),
        **atrous,
        "convs.4.1": "pooling.branches.0.conv",
        "convs.4.2": "pooling.branches.0.norm",
        **segzoo.under("project", "project", CONV),
    }


class DeepLabV3(Architecture):
    decoder = "deeplabv3"
    defaults: ClassVar[Arguments] = {
        "encoder_output_stride": 8,
        "decoder_channels": 256,
        "decoder_atrous_rates": (12, 24, 36),
        "decoder_aspp_separable": False,
        "decoder_aspp_dropout": 0.5,
        "upsampling": None,
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        return {
            "width": given["decoder_channels"],
            "rates": list(given["decoder_atrous_rates"]),
            "separable": given["decoder_aspp_separable"],
            "dropout": given["decoder_aspp_dropout"],
            "output_stride": only(given, "encoder_output_stride", 8, 16),
            "align_corners": True,
        }

    def magnification(self, given: Arguments) -> int:
        return min(2 ** given["encoder_depth"], given["encoder_output_stride"])

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        aspp = aspp_names(given["decoder_aspp_separable"])
        return {
            **HEAD,
            **segzoo.under("decoder.aspp", "decoder.aspp", aspp),
            "decoder.conv": "decoder.refine.conv",
            "decoder.bn": "decoder.refine.norm",
            **segzoo.under("decoder.0", "decoder.aspp", aspp),  # SMP's own names before version 0.4
            "decoder.1": "decoder.refine.conv",
            "decoder.2": "decoder.refine.norm",
        }


class DeepLabV3Plus(DeepLabV3):
    decoder = "deeplabv3plus"
    defaults: ClassVar[Arguments] = {
        **DeepLabV3.defaults,
        "encoder_output_stride": 16,
        "decoder_aspp_separable": True,
        "upsampling": 4,
    }

    def magnification(self, given: Arguments) -> int:
        return 4

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        return {
            **HEAD,
            **segzoo.under("decoder.aspp.0", "decoder.aspp", aspp_names(given["decoder_aspp_separable"])),
            "decoder.aspp.1.0": "decoder.refine.depthwise.conv",
            "decoder.aspp.1.1": "decoder.refine.pointwise.conv",
            "decoder.aspp.2": "decoder.refine.pointwise.norm",
            **segzoo.under("decoder.block1", "decoder.low", CONV),
            **segzoo.under("decoder.block2", "decoder.fuse.0", SEPARABLE),
        }
