"""A decoder as the subject of checks: alone, and with each encoder of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from segzoo.creation import create_model
from segzoo.decoder import Decoder
from segzoo.errors import NegotiationError, OptionError
from segzoo.handshake.agreement import construct_decoder
from segzoo.handshake.decoder_options import decoder_options
from segzoo.head import Classes
from segzoo.host import registry
from segzoo.model import SegmentationModel
from segzoo.testing.cases import CLASSES, SIZE, Case, Features, Subject, loaded
from segzoo.testing.catalogue import CATALOGUE, synthetic_encoder
from segzoo.testing.surroundings import Surroundings
from segzoo.token_encoder import TokenEncoder, Tokens


class DecoderSubject(Subject["DecoderCase"]):
    """A decoder, by name or class."""

    kind = "decoder"

    def __init__(self, decoder: str | type[Decoder], options: Mapping[str, Any]) -> None:
        if isinstance(decoder, str):
            self.provided = registry.find_decoder(decoder)
            decoder = loaded(self.provided, Decoder)
        if not (isinstance(decoder, type) and issubclass(decoder, Decoder)):
            raise OptionError(
                f"a decoder to check is a name or a segzoo.Decoder class, got {decoder!r}; the kit builds it itself, "
                "for many encoders"
            )
        decoder_options(decoder).check(decoder.__name__, options)
        self.decoder = decoder
        self.options = options
        self.case = cache(partial(DecoderCase, decoder, options))

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.decoder, self.provided, self.options

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        """The errors by which it may decline an encoder: options may fit some encoders and not others."""
        return (NegotiationError, OptionError) if self.options else (NegotiationError,)

    def cases(self) -> Iterator[DecoderCase]:
        for pattern in CATALOGUE:
            try:
                yield self.case(pattern)
            except Exception:
                continue


class DecoderCase(Case):
    """A decoder with one encoder of the catalogue.

    It is planned without its forward, which proves the negotiation and the construction alone.

    :raises NegotiationError: when they can't work together; whatever the decoder raises when it is constructed.
    """

    def __init__(self, decoder: type[Decoder], options: Mapping[str, Any], pattern: str) -> None:
        self.where = f"with encoder {pattern!r}"
        self.pattern, self.decoder, self.options = pattern, decoder, options
        mute = type(decoder.__name__, (decoder,), {"forward": _mute, "__module__": decoder.__module__})
        self.surroundings = Surroundings(pattern, mute, options)
        self.plan = self.surroundings.plan
        self.stages = self.plan.spec.select(self.plan.stages)
        self._driven: dict[str, TokenEncoder] = {}

    @property
    def driven(self) -> int:
        """How many of the encoder's blocks it drives."""
        return self.plan.request.tokens or 0

    def decoder_alone(self, classes: int = CLASSES, options: Mapping[str, Any] | None = None) -> Decoder:
        """On the default device, with the options of the plan unless others are given."""
        options = self.plan.decoder_options if options is None else options
        return construct_decoder(self.decoder, self.stages, Classes.of(classes, None), options)

    def build(self, classes: int = CLASSES, options: Mapping[str, Any] | None = None) -> nn.Module:
        decoder = self.decoder_alone(classes, options)
        return DrivingDecoder(self._encoder(), decoder, self.driven) if self.driven else decoder

    def inputs(self, size: tuple[int, int] = SIZE, batch: int = 2, device: str = "cpu") -> Features:
        if self.driven:
            return torch.randn(batch, 3, *size, device=device)
        shapes = self.surroundings.offered(size, batch)
        return [torch.randn(shapes[stage], device=device) for stage in self.plan.stages]

    def map_sizes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Height and width of the maps that it selects of an image of that size."""
        shapes = self.surroundings.offered(size, 1)
        return [(shapes[stage][-2], shapes[stage][-1]) for stage in self.plan.stages]

    def _encoder(self) -> TokenEncoder:
        """That which it drives; on a device always the same."""
        device = torch.get_default_device().type
        if device not in self._driven:
            encoder = synthetic_encoder(self.pattern)
            assert isinstance(encoder, TokenEncoder)  # the catalogue's that offers blocks
            self._driven[device] = encoder
        return self._driven[device]

    def model(self) -> SegmentationModel:
        return create_model(
            synthetic_encoder(self.pattern), self.decoder, classes=CLASSES, decoder_options=self.options
        )


class DrivingDecoder(nn.Module):
    """A decoder that drives an encoder's last blocks, as a module that takes an image.

    The encoder is none of its submodules: the decoder alone is checked.
    """

    def __init__(self, encoder: TokenEncoder, decoder: Decoder, last: int) -> None:
        super().__init__()
        self.decoder = decoder
        self._halt = partial(encoder.halt, last=last)

    def forward(self, image: Tensor) -> Any:
        return self.decoder(self._halt(image))


def _mute(self: Decoder, features: list[Tensor] | Tokens) -> Tensor | tuple[Tensor, Tensor]:
    """A forward that returns what is declared, of zeros."""
    finest = features.tokens[:, :1, :, None] if isinstance(features, Tokens) else features[0]
    batch, _, height, width = finest.shape
    if self.emits == "queries":
        return finest.new_zeros(batch, 1, height, width), finest.new_zeros(batch, 1, CLASSES + 1)
    channels = self.out_channels if self.emits == "features" else CLASSES
    return finest.new_zeros(batch, channels, height, width)
