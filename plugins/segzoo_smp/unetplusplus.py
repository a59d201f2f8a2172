"""U-Net++, arXiv:1807.10165."""

from __future__ import annotations

from typing import Any

import segzoo
from segzoo_smp.architecture import HEAD, UP_STEP, Arguments
from segzoo_smp.unet import Unet


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

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        last = given["encoder_depth"] - 1
        rows: dict[str, Any] = {f"decoder.blocks.x_0_{last}.attention1": None, "decoder.center": None}
        for row in range(last):
            for node in range(row + 1):
                rows |= segzoo.under(f"decoder.blocks.x_{row - node}_{row}", f"decoder.rows.{row}.{node}", UP_STEP)
        return {**HEAD, **rows, **segzoo.under(f"decoder.blocks.x_0_{last}", "decoder.last", UP_STEP)}
