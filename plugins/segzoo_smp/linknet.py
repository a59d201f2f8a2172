"""LinkNet, arXiv:1707.03718."""

from __future__ import annotations

from typing import Any, ClassVar

import segzoo
from segzoo_smp.architecture import CONV, HEAD, Architecture, Arguments, batch_norm


class Linknet(Architecture):
    decoder = "linknet"
    defaults: ClassVar[Arguments] = {"decoder_use_norm": "batchnorm"}

    def options(self, given: Arguments) -> dict[str, Any]:
        batch_norm(given)
        return {"width": 32}

    def names(self, given: Arguments, plan: segzoo.Plan) -> segzoo.Table:
        step = {
            **segzoo.under("block.0", "reduce", CONV),
            "block.1": "grow",
            **segzoo.under("block.2", "expand", CONV),
        }
        return {**HEAD, **segzoo.under("decoder.blocks.{}", "decoder.steps.{}", step)}
