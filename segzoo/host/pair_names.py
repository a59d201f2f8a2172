"""The name of a pair: an encoder and a decoder, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from segzoo.errors import OptionError, UnknownNameError
from segzoo.host.registry import list_decoders
from segzoo.host.sources import list_encoders

WILDCARDS = re.compile(r"[*?\[]")


class PairName(NamedTuple):
    """An encoder and a decoder, written `ENCODER+DECODER`.

    >>> PairName.parse("resnet18+unet")
    PairName(encoder='resnet18', decoder='unet')
    """

    encoder: str
    decoder: str

    def __str__(self) -> str:
        return f"{self.encoder}+{self.decoder}"

    @classmethod
    def parse(cls, text: str) -> PairName:
        """Read `ENCODER+DECODER`.

        :raises OptionError: for anything else.
        """
        encoder, plus, decoder = (part.strip() for part in text.rpartition("+"))
        if not (encoder and plus and decoder):
            raise OptionError(f"expected ENCODER+DECODER, such as resnet18+unet, got {text!r}")
        return cls(encoder, decoder)

    @classmethod
    def matching(cls, text: str) -> list[PairName]:
        """All pairs of `ENCODER+DECODER`, where each name may be a pattern: `resnet18+*` takes every decoder.

        :raises OptionError: for another form.
        :raises UnknownNameError: for a pattern that matches nothing.
        """
        encoder, decoder = cls.parse(text)
        return [
            cls(each, other)
            for each in _expand(encoder, list_encoders, "encoder")
            for other in _expand(decoder, list_decoders, "decoder")
        ]


def _expand(pattern: str, names: Callable[[str], list[str]], kind: str) -> Sequence[str]:
    if not WILDCARDS.search(pattern):
        return [pattern]
    if found := names(pattern):
        return found
    raise UnknownNameError(f"no {kind} matches {pattern!r}; `segzoo {kind}s` lists all")
