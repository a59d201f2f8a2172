"""An encoder and a decoder by name."""

from __future__ import annotations

from typing import NamedTuple

from segzoo.errors import OptionError


class Pair(NamedTuple):
    """An encoder and a decoder, written `ENCODER+DECODER`.

    >>> Pair.parse("resnet18+unet")
    Pair(encoder='resnet18', decoder='unet')
    """

    encoder: str
    decoder: str

    def __str__(self) -> str:
        return f"{self.encoder}+{self.decoder}"

    @classmethod
    def parse(cls, text: str) -> Pair:
        """Read `ENCODER+DECODER`.

        :raises OptionError: for anything else.
        """
        encoder, plus, decoder = (part.strip() for part in text.rpartition("+"))
        if not (encoder and plus and decoder):
            raise OptionError(f"expected ENCODER+DECODER, such as resnet18+unet, got {text!r}")
        return cls(encoder, decoder)
