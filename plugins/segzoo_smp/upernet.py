"""UPerNet, arXiv:1807.10221."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import CONV, HEAD, Architecture, Arguments, batch_norm


class UPerNet(Architecture):
    decoder = "upernet"
    defaults: ClassVar[Arguments] = {"decoder_channels": 256, "decoder_use_norm": "batchnorm", "upsampling": 4}

    def options(self, given: Arguments) -> dict[str, Any]:
        batch_norm(given)
        return {"width": given["decoder_channels"], "align_corners": True}

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        finer = len(plan.stages) - 1
        levels: dict[str, Any] = {}
        for i in range(finer):  # SMP counts from the coarsest
            levels |= segzoo.under(
                f"decoder.fpn_lateral_blocks.{i}.conv_norm_relu", f"decoder.laterals.{finer - 1 - i}", CONV
            )
            levels |= segzoo.under(f"decoder.fpn_conv_blocks.{i}", f"decoder.smooth.{finer - 1 - i}", CONV)
        return {
            **HEAD,
            "decoder.feature_norms": "decoder.input_norms",
            **segzoo.under("decoder.psp.blocks.{}.1", "decoder.pooling.branches.{}", CONV),
            **segzoo.under("decoder.psp.out_conv", "decoder.context", CONV),
            **levels,
            **segzoo.under("decoder.fusion_block", "decoder.fuse", CONV),
        }
