"""The name of torchvision's MobileNetV3: no torch."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo

NAME = "torchvision-mobilenet_v3_large"


class TorchvisionIndex(segzoo.EncoderIndex):
    """One encoder, which is there for the weights of imported models: listings leave it out."""

    def names(self) -> Sequence[str]:
        return ()

    def resolves(self, name: str) -> bool:
        return name == NAME
