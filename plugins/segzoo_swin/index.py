"""Swin Transformer's name: no torch."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo

NAME = "swin"


class SwinIndex(segzoo.EncoderIndex):
    """`swin`, which is there for the weights of imported models: listings leave it out."""

    def names(self) -> Sequence[str]:
        return ()

    def resolves(self, name: str) -> bool:
        return name == NAME
