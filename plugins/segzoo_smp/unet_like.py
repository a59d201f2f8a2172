"""SMP's U-Net and its descendants: from the deepest map up, a skip at a time."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import HEAD, Architecture, Arguments, batch_norm, norm, only
from segzoo_smp.recipes import Names

UP_STEP: Names = (
    (r"^(decoder\..*)\.conv1\.0\.", r"\1.join.conv."),
    (r"^(decoder\..*)\.conv1\.1\.", r"\1.join.norm."),
    (r"^(decoder\..*)\.conv2\.0\.", r"\1.refine.conv."),
    (r"^(decoder\..*)\.conv2\.1\.", r"\1.refine.norm."),
    (r"\.attention1\.attention\.", ".recalibrate_joined."),
    (r"\.attention2\.attention\.", ".recalibrate."),
    (r"\.cSE\.1\.", ".channel.squeeze."),
    (r"\.cSE\.3\.", ".channel.excite."),
    (r"\.sSE\.0\.", ".pixel."),
)
"""Of the steps of U-Net and its descendants."""
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
        only(given, "decoder_interpolation", "nearest")
        attention = only(given, "decoder_attention_type", None, "scse")
        if attention and min(given["decoder_channels"], default=SQUEEZE) < SQUEEZE:
            raise segzoo.CheckpointError(
                f"decoder_attention_type='scse' with decoder_channels={list(given['decoder_channels'])} can't be "
                f"brought in: of fewer than {SQUEEZE} channels SMP squeezes none, and segzoo one"
            )
        return {
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

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.blocks\.", "decoder.steps."),
            (r"^decoder\.center\.(\d)\.0\.", r"decoder.center.\1.conv."),
            (r"^decoder\.center\.(\d)\.1\.", r"decoder.center.\1.norm."),
            *UP_STEP,
        )

    def unused(self, given: Arguments) -> tuple[str, ...]:
        return (rf"^decoder\.blocks\.{given['encoder_depth'] - 1}\.attention1\.",)  # nothing is joined there


class UnetPlusPlus(Unet):
    decoder = "unetplusplus"

    def options(self, given: Arguments) -> dict[str, Any]:
        options = super().options(given)
        del options["center"]
        return options

    def check(self, given: Arguments, plan: segzoo.Plan) -> None:
        super().check(given, plan)
        empty = [plan.spec.strides[stage] for stage in plan.stages if plan.spec.is_placeholder(stage)]
        if empty:
            raise segzoo.CheckpointError(
                f"SMP's UnetPlusPlus with {given['encoder_name']} can't be imported: at stride {empty[0]} the "
                "encoder has no map, where SMP leaves all nodes but one out, and segzoo's unetplusplus has them"
            )

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        rows = given["encoder_depth"] - 1
        nodes = [(coarse, node) for coarse in range(rows) for node in range(coarse + 1)]
        return (
            *HEAD,
            *((rf"^decoder\.blocks\.x_{row - node}_{row}\.", f"decoder.rows.{row}.{node}.") for row, node in nodes),
            (rf"^decoder\.blocks\.x_0_{rows}\.", "decoder.last."),
            *UP_STEP,
        )

    def unused(self, given: Arguments) -> tuple[str, ...]:
        last = rf"^decoder\.blocks\.x_0_{given['encoder_depth'] - 1}\.attention1\."
        return last, r"^decoder\.center\."


class MAnet(Architecture):
    decoder = "manet"
    defaults: ClassVar[Arguments] = {
        "decoder_use_norm": "batchnorm",
        "decoder_channels": (256, 128, 64, 32, 16),
        "decoder_pab_channels": 64,
        "decoder_interpolation": "nearest",
    }

    def options(self, given: Arguments) -> dict[str, Any]:
        only(given, "decoder_interpolation", "nearest")
        return {
            "widths": list(given["decoder_channels"]),
            "norm": norm(given),
            "position_width": given["decoder_pab_channels"],
        }

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        skips = [stage for stage in reversed(plan.stages[:-1]) if stage > 0]
        fused = [step for step, stage in enumerate(skips) if not plan.spec.is_placeholder(stage)]
        return (
            *HEAD,
            (r"^decoder\.center\.top_conv\.", "decoder.center.key."),
            (r"^decoder\.center\.center_conv\.", "decoder.center.query."),
            (r"^decoder\.center\.bottom_conv\.", "decoder.center.value."),
            (r"^decoder\.center\.out_conv\.", "decoder.center.mix."),
            *((rf"^decoder\.blocks\.{step}\.conv", f"decoder.steps.{step}.step.conv") for step in fused),
            (r"^decoder\.blocks\.", "decoder.steps."),
            (r"\.hl_conv\.(\d)\.0\.", r".bring.\1.conv."),
            (r"\.hl_conv\.(\d)\.1\.", r".bring.\1.norm."),
            (r"\.SE_hl\.", ".weigh_below."),
            (r"\.SE_ll\.", ".weigh_skip."),
            (r"(\.weigh_\w+)\.1\.", r"\1.squeeze."),
            (r"(\.weigh_\w+)\.3\.", r"\1.excite."),
            *UP_STEP,
        )


class Linknet(Architecture):
    decoder = "linknet"
    defaults: ClassVar[Arguments] = {"decoder_use_norm": "batchnorm"}

    def options(self, given: Arguments) -> dict[str, Any]:
        batch_norm(given)
        return {"width": 32}

    def names(self, given: Arguments, plan: segzoo.Plan) -> Names:
        return (
            *HEAD,
            (r"^decoder\.blocks\.(\d)\.block\.0\.0\.", r"decoder.steps.\1.reduce.conv."),
            (r"^decoder\.blocks\.(\d)\.block\.0\.1\.", r"decoder.steps.\1.reduce.norm."),
            (r"^decoder\.blocks\.(\d)\.block\.1\.", r"decoder.steps.\1.grow."),
            (r"^decoder\.blocks\.(\d)\.block\.2\.0\.", r"decoder.steps.\1.expand.conv."),
            (r"^decoder\.blocks\.(\d)\.block\.2\.1\.", r"decoder.steps.\1.expand.norm."),
        )
