"""U-Net, arXiv:1505.04597."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import CONV, HEAD, UP_STEP, Architecture, Arguments, interpolation, norm, only

SQUEEZE = 16
"""By which scSE's squeeze divides the channels."""


class Unet(Architecture):
    decoder = "unet"
    defaults: ClassVar[Arguments] = {
        "decoder_use_norm": "batchnorm",
        "decoder_channels": (256, 128, 64, 32, 16),
        "decoder_attention_type": None,
        "decoder_interpolation": "nearest",
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        attention = only(given, "decoder_attention_type", None, "scse")
        if attention and min(given["decoder_channels"], default=SQUEEZE) < SQUEEZE:
            raise segzoo.CheckpointError(
                f"decoder_attention_type='scse' with decoder_channels={list(given['decoder_channels'])} can't be "
                f"imported: of fewer than {SQUEEZE} channels SMP squeezes none, and segzoo one"
            )
        return {
            "upsample": interpolation(given),
            "widths": list(given["decoder_channels"]),
            "norm": norm(given),
            "attention": attention,
            "center": given["encoder_name"].startswith("vgg"),
        }

    def notes(self, plan: segzoo.Plan) -> tuple[str, ...]:
        empty = [plan.spec.strides[stage] for stage in plan.stages if plan.spec.is_placeholder(stage)]
        return tuple(
            f"where the encoder has no map, at stride {stride}, its size is rounded up; SMP rounds it down, so that "
            f"logits differ for images whose sides aren't multiples of {stride}"
            for stride in empty
        )

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        return {
            **HEAD,
            f"decoder.blocks.{given['encoder_depth'] - 1}.attention1": None,  # nothing is joined there
            **segzoo.under("decoder.blocks.{}", "decoder.steps.{}", UP_STEP),
            **segzoo.under("decoder.center.{}", "decoder.center.{}", CONV),
        }
