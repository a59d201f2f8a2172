"""A decoder's options: those of `__init__` and those of `negotiate`, each declared once, where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from segzoo.contract import FeatureSpec, Selection
from segzoo.decoder import Decoder
from segzoo.options import EMPTY, Option, check_options, declared_options, is_open, meanings

FILLED = ("stages", "offer", "classes")
"""The arguments that the core gives."""


@dataclass(frozen=True)
class DecoderOptions:
    """What a decoder declares.

    :param constructing: the options that `__init__` names.
    :param negotiating: those that `negotiate` names.
    :param open: whether `__init__` takes others too; likewise `open_to_negotiate`.
    """

    constructing: Mapping[str, Option]
    negotiating: Mapping[str, Option]
    open: bool
    open_to_negotiate: bool

    @property
    def declared(self) -> Mapping[str, Option]:
        """All by name; where both name an option, as `__init__` declares it."""
        return {**self.constructing, **self.negotiating, **self.constructing}

    def check(self, who: str, given: Mapping[str, Any]) -> None:
        """Hold the user's options against the declaration.

        :param who: for messages.
        :raises OptionError: for an option that it doesn't have, and for a value that isn't taken.
        """
        check_options(who, self.declared, given, others_allowed=self.open)

    def to_negotiate(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every option that `negotiate` takes, those that weren't given at their defaults."""
        defaults = {name: each.default for name, each in self.declared.items() if each.default is not EMPTY}
        options = {**defaults, **given}
        return {name: value for name, value in options.items() if self.open_to_negotiate or name in self.negotiating}

    def to_construct(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the given that `__init__` takes; what `negotiate` alone names has done its work."""
        return {
            name: value
            for name, value in given.items()
            if name in self.constructing or (self.open and name not in self.negotiating)
        }


KNOWN: WeakKeyDictionary[type[Decoder], DecoderOptions] = WeakKeyDictionary()


def decoder_options(decoder: type[Decoder]) -> DecoderOptions:
    """The options of a decoder class."""
    if decoder not in KNOWN:
        KNOWN[decoder] = _read(decoder)
    return KNOWN[decoder]


def _read(decoder: type[Decoder]) -> DecoderOptions:
    constructing: dict[str, Option] = {}
    for kind in decoder.__mro__:
        if kind is Decoder:
            break
        if "__init__" in vars(kind):
            constructing = declared_options(kind, filled=FILLED) | constructing
            if not is_open(kind):  # what it doesn't name isn't passed on
                break
    return DecoderOptions(
        constructing,
        declared_options(decoder.negotiate, filled=FILLED),
        is_open(decoder),
        is_open(decoder.negotiate),
    )


def describe_options(decoder: type[Decoder]) -> list[dict[str, Any]]:
    """Each option for people: its name, what it takes, its default if it has one, its meaning, its JSON schema."""
    said = meanings(decoder)
    return [
        {
            "name": name,
            "takes": option.takes or "anything",
            **({} if option.default is EMPTY else {"default": option.default}),
            "meaning": said.get(name, ""),
            "schema": option.schema or {},
        }
        for name, option in decoder_options(decoder).declared.items()
    ]


def select_stages(decoder: type[Decoder] | Decoder, offer: FeatureSpec, options: Mapping[str, Any]) -> Selection:
    """Which stages a decoder takes of an offer.

    :raises NegotiationError: when it can't do with that.
    """
    kind = decoder if isinstance(decoder, type) else type(decoder)
    return decoder.negotiate(offer, **decoder_options(kind).to_negotiate(options))
