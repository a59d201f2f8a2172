"""The six Mix Transformers by name, and what is known of each: no torch."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo

VARIANTS = {  # channels and blocks of the four stages: table 6 of the paper
    "mit_b0": ((32, 64, 160, 256), (2, 2, 2, 2)),
    "mit_b1": ((64, 128, 320, 512), (2, 2, 2, 2)),
    "mit_b2": ((64, 128, 320, 512), (3, 4, 6, 3)),
    "mit_b3": ((64, 128, 320, 512), (3, 4, 18, 3)),
    "mit_b4": ((64, 128, 320, 512), (3, 8, 27, 3)),
    "mit_b5": ((64, 128, 320, 512), (3, 6, 40, 3)),
}
PARAMETERS = {
    "mit_b0": 3_319_392,
    "mit_b1": 13_151_424,
    "mit_b2": 24_196_288,
    "mit_b3": 44_072_128,
    "mit_b4": 60_842_688,
    "mit_b5": 81_443_008,
}
"""Counted; `segzoo check` counts again."""


class MixTransformerIndex(segzoo.EncoderIndex):
    """`mit_b0` to `mit_b5`."""

    def names(self) -> Sequence[str]:
        return list(VARIANTS)

    def known_facts(self, name: str) -> segzoo.EncoderFacts:
        channels, _ = VARIANTS[name]
        return segzoo.EncoderFacts(name, PARAMETERS[name], segzoo.FeatureSpec((3, 0, *channels), (1, 2, 4, 8, 16, 32)))
