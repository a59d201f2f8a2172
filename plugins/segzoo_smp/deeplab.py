"""SMP's DeepLabV3 and V3+."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import HEAD, Architecture, Arguments, only
from segzoo_smp.recipes import Names

ASPP: Names = (
    (r"^(decoder\..*)\.convs\.0\.0\.", r"\1.point.conv."),
    (r"^(decoder\..*)\.convs\.0\.1\.", r"\1.point.norm."),
    (r"^(decoder\..*)\.convs\.4\.1\.", r"\1.pooling.branches.0.conv."),
    (r"^(decoder\..*)\.convs\.4\.2\.", r"\1.pooling.branches.0.norm."),
    *((rf"^(decoder\..*)\.convs\.{rate + 1}\.", rf"\1.atrous.{rate}.") for rate in range(3)),
    (r"^(decoder\..*)\.project\.0\.", r"\1.project.conv."),
    (r"^(decoder\..*)\.project\.1\.", r"\1.project.norm."),
)

PLAIN_ATROUS: Names = (
    (r"\.atrous\.(\d)\.0\.", r".atrous.\1.conv."),
    (r"\.atrous\.(\d)\.1\.", r".atrous.\1.norm."),
)

SEPARABLE_ATROUS: Names = (
    (r"\.atrous\.(\d)\.0\.0\.", r".atrous.\1.depthwise.conv."),
    (r"\.atrous\.(\d)\.0\.1\.", r".atrous.\1.pointwise.conv."),
    (r"\.atrous\.(\d)\.1\.", r".atrous.\1.pointwise.norm."),
)


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

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.0\.", "decoder.aspp."),  # SMP's own names before version 0.4
            (r"^decoder\.1\.", "decoder.conv."),
            (r"^decoder\.2\.", "decoder.bn."),
            *ASPP,
            *(SEPARABLE_ATROUS if given["decoder_aspp_separable"] else PLAIN_ATROUS),
            (r"^decoder\.conv\.", "decoder.refine.conv."),
            (r"^decoder\.bn\.", "decoder.refine.norm."),
        )

    def magnification(self, given: Arguments) -> int:
        return min(2 ** given["encoder_depth"], given["encoder_output_stride"])


class DeepLabV3Plus(DeepLabV3):
    decoder = "deeplabv3plus"
    defaults: ClassVar[Arguments] = {
        **DeepLabV3.defaults,
        "encoder_output_stride": 16,
        "decoder_aspp_separable": True,
        "upsampling": 4,
    }

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.aspp\.1\.0\.", "decoder.refine.depthwise.conv."),
            (r"^decoder\.aspp\.1\.1\.", "decoder.refine.pointwise.conv."),
            (r"^decoder\.aspp\.2\.", "decoder.refine.pointwise.norm."),
            (r"^decoder\.aspp\.0\.", "decoder.aspp."),
            *ASPP,
            *(SEPARABLE_ATROUS if given["decoder_aspp_separable"] else PLAIN_ATROUS),
            (r"^decoder\.block1\.0\.", "decoder.low.conv."),
            (r"^decoder\.block1\.1\.", "decoder.low.norm."),
            (r"^decoder\.block2\.0\.0\.", "decoder.fuse.0.depthwise.conv."),
            (r"^decoder\.block2\.0\.1\.", "decoder.fuse.0.pointwise.conv."),
            (r"^decoder\.block2\.1\.", "decoder.fuse.0.pointwise.norm."),
        )

    def magnification(self, given: Arguments) -> int:
        return 4
