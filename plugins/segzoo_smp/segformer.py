"""SegFormer, arXiv:2105.15203."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import CONV, HEAD, Architecture, Arguments


class Segformer(Architecture):
    decoder = "segformer"
    defaults: ClassVar[Arguments] = {"decoder_segmentation_channels": 256, "upsampling": 4}

    def options(self, given: Arguments) -> dict[str, Any]:
        return {
            "width": given["decoder_segmentation_channels"],
            "dropout": 0.0,
            "finest_stride": 2,
            "align_corners": True,
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        deepest = len(plan.stages) - 1
        return {
            **HEAD,
            **{  # SMP counts from the coarsest
                f"decoder.mlp_stage.{i}.linear": segzoo.as_conv(f"decoder.linears.{deepest - i}")
                for i in range(len(plan.stages))
            },
            **segzoo.under("decoder.fuse_stage", "decoder.fuse", CONV),
        }
