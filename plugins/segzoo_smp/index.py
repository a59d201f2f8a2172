"""The names of SMP's own encoders: no torch."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo

PREFIX = "smp-"


class SMPIndex(segzoo.EncoderIndex):
    """SMP's names after `smp-`, for the weights of imported models: listings leave them out.

    Which of them there are the source knows; one that there isn't is an error when it is built.
    """

    def names(self) -> Sequence[str]:
        return ()

    def resolves(self, name: str) -> bool:
        return name.startswith(PREFIX)
