"""The name of a pair, an encoder and a decoder, and finding both: no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from segzoo.errors import AmbiguousNameError, OptionError, SegzooError, UnknownNameError
from segzoo.host import registry, sources
from segzoo.host.descriptors import DecoderSpec
from segzoo.host.registry import list_decoders
from segzoo.host.sources import list_encoders

F = TypeVar("F")

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
        :raises UnknownNameError: for a name that no plugin provides, and a pattern that matches nothing.
        """
        encoder, decoder = cls.parse(text)
        return [
            cls(each, other)
            for each in _expand(encoder, list_encoders, find_encoder, "encoder")
            for other in _expand(decoder, list_decoders, find_decoder, "decoder")
        ]

    def check(self) -> None:
        """See that both are known, before anything slow is imported.

        :raises UnknownNameError: for one that no plugin provides; AmbiguousNameError for one that several do.
        """
        find_encoder(self.encoder)
        find_decoder(self.decoder)


def find_encoder(name: str) -> sources.EncoderFound:
    """An encoder by name; of a decoder's name the message says that the two are swapped.

    :raises UnknownNameError: when no plugin provides it; AmbiguousNameError when several do.
    """
    return _find(name, sources.find_encoder, registry.find_decoder, "a decoder")


def find_decoder(name: str) -> registry.Provided[DecoderSpec]:
    """A decoder by name, likewise."""
    return _find(name, registry.find_decoder, sources.find_encoder, "an encoder")


def _find(name: str, find: Callable[[str], F], find_other: Callable[[str], object], other: str) -> F:
    """What a name finds.

    :param find_other: what finds it if encoder and decoder were swapped.
    :raises UnknownNameError: when no plugin provides it; the message says so if they were.
    """
    try:
        return find(name)
    except UnknownNameError as error:
        if _finds(find_other, name):
            raise UnknownNameError(f"{name!r} is {other}: give the encoder first, then the decoder") from error
        raise


def _finds(find: Callable[[str], object], name: str) -> bool:
    try:
        find(name)
    except AmbiguousNameError:
        return True
    except SegzooError:
        return False
    return True


def _expand(pattern: str, names: Callable[[str], list[str]], find: Callable[[str], object], kind: str) -> Sequence[str]:
    if not WILDCARDS.search(pattern):
        find(pattern)
        return [pattern]
    if found := names(pattern):
        return found
    raise UnknownNameError(f"no {kind} matches {pattern!r}; `segzoo {kind}s` lists all")
