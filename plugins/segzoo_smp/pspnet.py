"""PSPNet, arXiv:1612.01105."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import CONV, HEAD, Architecture, Arguments, batch_norm


class PSPNet(Architecture):
    decoder = "pspnet"
    defaults: ClassVar[Arguments] = {
        "psp_out_channels": 512,
        "decoder_use_norm": "batchnorm",
        "psp_dropout": 0.2,
        "upsampling": 8,
    }
    first = ("encoder_name", "encoder_weights", "encoder_depth")
    depth = 3

    def options(self, given: Arguments) -> dict[str, Any]:
        batch_norm(given)
        return {
            "width": given["psp_out_channels"],
            "dropout": given["psp_dropout"],
            "output_stride": None,
            "align_corners": True,
        }

    def magnification(self, given: Arguments) -> int:
        return 2 ** given["encoder_depth"]

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        return {
            **HEAD,
            **segzoo.under("decoder.psp.blocks.{}.pool.1", "decoder.pooling.branches.{}", CONV),
            **segzoo.under("decoder.conv", "decoder.join", CONV),
        }
