"""An encoder as the subject of checks, which is its only case."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor, nn

from segzoo.encoder import Encoder
from segzoo.handshake.arguments import Arguments
from segzoo.handshake.parts import find_encoder
from segzoo.host import sources
from segzoo.testing.cases import SIZE, Case, Subject


class EncoderSubject(Subject["EncoderCase"]):
    """An encoder, by name, class or module."""

    kind = "encoder"

    def __init__(self, encoder: str | type[nn.Module] | nn.Module, options: Mapping[str, Any]) -> None:
        self.found = sources.find_encoder(encoder) if isinstance(encoder, str) else None
        self.provided = self.found.provided if self.found else None
        self.part = find_encoder(copy.deepcopy(encoder) if isinstance(encoder, nn.Module) else encoder)
        self.built = isinstance(encoder, nn.Module)
        self.options = options

    def create(self, in_channels: int = 3, depth: int | None = None) -> Encoder:
        """On the default device; a module that was built already is the same each time."""
        arguments = Arguments(
            encoder=None, decoder=None, in_channels=in_channels, depth=depth, encoder_options=self.options
        )
        return self.part.create(arguments.request, False)

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.part.create, self.provided, self.options

    def cases(self) -> Iterator[EncoderCase]:
        yield EncoderCase(self)

    def not_if_built(self) -> None:
        """Leave a check out for an encoder that was given as a module.

        :raises SkipTest: when it was.
        """
        if self.built:
            raise SkipTest("it is built already; give its class or name to have this checked")


class EncoderCase(Case):
    """An encoder as it is."""

    where = "as it is"

    def __init__(self, subject: EncoderSubject) -> None:
        self.subject = subject

    def build(self) -> Encoder:
        return self.subject.create()

    def inputs(self, size: tuple[int, int] = SIZE, batch: int = 2, device: str = "cpu") -> Tensor:
        with torch.device("meta"):
            encoder = self.subject.create()
        return torch.rand(batch, 3, *taken_size(encoder, size), device=device)

    def model(self) -> nn.Module:
        return self.build()


def taken_size(encoder: nn.Module, size: tuple[int, int]) -> tuple[int, int]:
    """The size at which the model would give an image of that size to the encoder."""
    sizes = getattr(encoder, "input_spec", None)
    if sizes is None:
        return size
    height, width = (max(length, sizes.minimum) for length in size)
    return sizes.padded((height, width))
