"""Semantic FPN, arXiv:1901.02446."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import HEAD, Architecture, Arguments, interpolation, only


class FPN(Architecture):
    decoder = "fpn"
    defaults: ClassVar[Arguments] = {
        "decoder_pyramid_channels": 256,
        "decoder_segmentation_channels": 128,
        "decoder_merge_policy": "add",
        "decoder_dropout": 0.2,
        "decoder_interpolation": "nearest",
        "upsampling": 4,
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        only(given, "encoder_depth", 5)  # SMP's takes the four deepest maps, whatever their strides
        return {
            "upsample": interpolation(given),
            "pyramid_width": given["decoder_pyramid_channels"],
            "width": given["decoder_segmentation_channels"],
            "merge": only(given, "decoder_merge_policy", "add", "cat"),
            "dropout": given["decoder_dropout"],
            "align_corners": True,
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        branches: dict[str, Any] = {}
        for level in range(4):
            conv = {"block.0": "conv", "block.1": "norm"}
            branches |= segzoo.under(
                f"decoder.seg_blocks.{level}.block.{{}}", f"decoder.branches.{3 - level}.convs.{{}}", conv
            )
        return {
            **HEAD,
            "decoder.p5": "decoder.laterals.3",
            **{f"decoder.p{level}.skip_conv": f"decoder.laterals.{level - 2}" for level in (2, 3, 4)},
            **branches,
        }
