"""Encoders and decoders to choose from, and what a pair of them would be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import segzoo
from segzoo.benchmarking import Conditions, Measured, Task, measure
from segzoo.benchmarking.here import count_multiply_adds
from segzoo.errors import OptionError
from segzoo.handshake.planning import Plan
from segzoo.host import registry, sources

Choice = tuple[str, str]
"""What is shown and searched, and the name that it stands for."""

MOST_PIXELS = 2**22
"""Of the image that a pair is measured on."""


def encoder_choices() -> list[Choice]:
    """Each encoder with its parameters, where they are known, and its family."""
    return [(_described(name, found), name) for name, found in sources.encoders().items()]


def decoder_choices() -> list[Choice]:
    """Each decoder with its summary and its paper."""
    return [
        (_joined(name, found.descriptor.summary, found.descriptor.paper), name)
        for name, found in registry.decoders().items()
    ]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An encoder, a decoder, and how they are put together.

    :param size: of the square image that cost is told of, in pixels.
    :raises OptionError: for a size out of range.
    """

    encoder: str
    decoder: str
    classes: int = 19
    in_channels: int = 3
    size: int = 512
    decoder_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.size < 1 or self.size**2 > MOST_PIXELS:
            raise OptionError(f"expected an image of 1 to {int(MOST_PIXELS**0.5)} pixels a side, got {self.size}")

    @property
    def config(self) -> dict[str, Any]:
        """Arguments of `segzoo.create_model`."""
        options = {"decoder_options": dict(self.decoder_options)} if self.decoder_options else {}
        return {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "classes": self.classes,
            "in_channels": self.in_channels,
            **options,
        }

    @property
    def code(self) -> str:
        """What makes the model, in Python."""
        encoder, decoder, *named = self.config.items()
        given = [f"{name}={value!r}" for name, value in named if (name, value) != ("in_channels", 3)]
        return f"model = segzoo.create_model({', '.join([repr(encoder[1]), repr(decoder[1]), *given])})"

    def plan(self) -> Plan:
        """How they would work together.

        :raises NegotiationError: when they can't, with what would fit instead.
        :raises SegzooError: for a name or an option that doesn't exist.
        """
        return segzoo.plan(**self.config)

    def multiply_adds(self) -> int:
        """Of one image, counted without computing anything.

        :raises SegzooError: when the pair can't be built.
        """
        return count_multiply_adds(self.config, (self.size, self.size))

    def measure(self) -> Measured:
        """Its time and memory on this machine, in a process of its own."""
        return measure(Task(self.config, conditions=Conditions(size=(self.size, self.size), classes=self.classes)))


def read_options(text: str) -> dict[str, Any]:
    """Options as somebody typed them.

    :raises OptionError: for what is no JSON object.

    >>> read_options('{"width": 128}'), read_options(" ")
    ({'width': 128}, {})
    """
    try:
        options = json.loads(text or "{}") if text.strip() else {}
    except json.JSONDecodeError as error:
        raise OptionError(f'options are JSON, such as {{"width": 128}}, got {text!r}: {error}') from error
    if not isinstance(options, dict):
        raise OptionError(f'options are names and values, such as {{"width": 128}}, got {text!r}')
    return options


def _described(name: str, found: sources.EncoderFound) -> str:
    facts = found.known_facts()
    if facts is None:
        return name
    family = facts.family if not name.startswith(facts.family) else ""
    return _joined(name, f"{facts.parameters / 1e6:.1f} M", family)


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
