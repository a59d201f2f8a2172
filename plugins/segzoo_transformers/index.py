"""The names of transformers' encoders: no torch."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo

PREFIX = "transformers-"
BEIT = PREFIX + "beit"
MOBILEVITS = ("mobilevit_xxs", "mobilevit_xs", "mobilevit_s")


class TransformersIndex(segzoo.EncoderIndex):
    """`transformers-beit`, `transformers-mobilevit_s`, `_xs` and `_xxs`, for the weights of imported models.

    Listings leave them out.
    """

    def names(self) -> Sequence[str]:
        return ()

    def resolves(self, name: str) -> bool:
        return name == BEIT or (name.startswith(PREFIX) and name.removeprefix(PREFIX) in MOBILEVITS)
