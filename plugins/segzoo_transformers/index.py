"""The names of transformers' encoders: no torch."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo

PREFIX = "transformers-"
BEIT = PREFIX + "beit"
SAPIENS2 = PREFIX + "sapiens2"
TIPSV2 = PREFIX + "tipsv2"
MOBILEVITS = ("mobilevit_xxs", "mobilevit_xs", "mobilevit_s")


class TransformersIndex(segzoo.EncoderIndex):
    """`transformers-beit`, `-sapiens2`, `-tipsv2`, `-mobilevit_s`, `-mobilevit_xs` and `-mobilevit_xxs`.

    They are for the weights of imported models. Listings leave them out.
    """

    def names(self) -> Sequence[str]:
        return ()

    def resolves(self, name: str) -> bool:
        return name in (BEIT, SAPIENS2, TIPSV2) or (name.startswith(PREFIX) and name.removeprefix(PREFIX) in MOBILEVITS)
