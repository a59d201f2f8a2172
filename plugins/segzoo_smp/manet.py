"""MA-Net, doi:10.1109/ACCESS.2020.3025372."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import CONV, HEAD, UP_STEP, Architecture, Arguments, interpolation, norm

SQUEEZE_EXCITE: segzoo.Table = {"1": "squeeze", "3": "excite"}
FUSION: segzoo.Table = {
    **segzoo.under("hl_conv.{}", "bring.{}", CONV),
    **segzoo.under("SE_hl", "weigh_below", SQUEEZE_EXCITE),
    **segzoo.under("SE_ll", "weigh_skip", SQUEEZE_EXCITE),
}
"""Of a step with a skip, besides the step itself."""


class MAnet(Architecture):
    decoder = "manet"
    defaults: ClassVar[Arguments] = {
        "decoder_use_norm": "batchnorm",
        "decoder_channels": (256, 128, 64, 32, 16),
        "decoder_pab_channels": 64,
        "decoder_interpolation": "nearest",
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        return {
            "upsample": interpolation(given),
            "widths": list(given["decoder_channels"]),
            "norm": norm(given),
            "position_width": given["decoder_pab_channels"],
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        skips = [stage for stage in reversed(plan.stages[:-1]) if stage > 0]
        steps: dict[str, Any] = {}
        for step, stage in enumerate(skips):
            if not plan.spec.is_placeholder(stage):
                steps |= segzoo.under(f"decoder.blocks.{step}", f"decoder.steps.{step}.step", UP_STEP)
                steps |= segzoo.under(f"decoder.blocks.{step}", f"decoder.steps.{step}", FUSION)
        return {
            **HEAD,
            "decoder.center.top_conv": "decoder.center.key",
            "decoder.center.center_conv": "decoder.center.query",
            "decoder.center.bottom_conv": "decoder.center.value",
            "decoder.center.out_conv": "decoder.center.mix",
            **steps,
            **segzoo.under("decoder.blocks.{}", "decoder.steps.{}", UP_STEP),
        }
