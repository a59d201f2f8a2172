"""PAN, arXiv:1805.10180."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import HEAD, Architecture, Arguments, interpolation, only

NAMED_CONV: segzoo.Table = {"conv": "conv", "bn": "norm"}
ATTENTION: segzoo.Table = {
    **segzoo.under("branch1.1", "image", NAMED_CONV),
    **segzoo.under("mid.0", "middle", NAMED_CONV),
    **segzoo.under("down1.1", "at_half", NAMED_CONV),
    **segzoo.under("down2.1", "at_quarter", NAMED_CONV),
    **segzoo.under("down3.1", "at_eighth.0", NAMED_CONV),
    **segzoo.under("down3.2", "at_eighth.1", NAMED_CONV),
    **segzoo.under("conv2", "from_quarter", NAMED_CONV),
    **segzoo.under("conv1", "from_half", NAMED_CONV),
}
UPSAMPLING: segzoo.Table = {
    **segzoo.under("conv1.1", "weigh", NAMED_CONV),
    **segzoo.under("conv2", "finer", NAMED_CONV),
}


class PAN(Architecture):
    decoder = "pan"
    defaults: ClassVar[Arguments] = {
        "encoder_output_stride": 16,
        "decoder_channels": 32,
        "decoder_interpolation": "bilinear",
        "upsampling": 4,
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        return {
            "upsample": interpolation(given),
            "width": given["decoder_channels"],
            "output_stride": 16 if only(given, "encoder_output_stride", 16, 32) == 16 else None,
            "align_corners": True,
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        finer = len(plan.stages) - 1
        upsampling: dict[str, Any] = {}
        for i in range(finer):
            upsampling |= segzoo.under(f"decoder.gau{finer - i}", f"decoder.upsampling.{i}", UPSAMPLING)
        return {**HEAD, **segzoo.under("decoder.fpa", "decoder.pyramid_attention", ATTENTION), **upsampling}
