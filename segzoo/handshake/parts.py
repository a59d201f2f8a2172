"""Where a model's parts come from: a plugin by name, a class, or a module that is built already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from segzoo.contract import EncoderRequest
from segzoo.decoder import Decoder
from segzoo.encoder import Encoder, Pretrained
from segzoo.errors import NegotiationError, OptionError
from segzoo.handshake.planning import Part
from segzoo.host import pair_names, registry
from segzoo.neck import Neck
from segzoo.options import check_options, declared_options, is_open

COLOURS = 3  # channels of an image: what an encoder class takes that doesn't ask


@dataclass(frozen=True)
class EncoderPart:
    """An encoder to be: what the plan calls it, and how to make it."""

    part: Part
    create: Callable[[EncoderRequest, Pretrained], Encoder]


def find_encoder(encoder: str | type[nn.Module] | nn.Module) -> EncoderPart:
    """An encoder by name, class or module.

    :raises UnknownNameError: when no plugin provides that name.
    :raises AmbiguousNameError: when several do.
    """
    if isinstance(encoder, str):
        found = pair_names.find_encoder(encoder)
        part = Part(found.id, found.provided.distribution, found.provided.version)
        return EncoderPart(part, lambda request, pretrained: found.source.create(found.name, request, pretrained))
    if isinstance(encoder, type) and issubclass(encoder, nn.Module):
        return EncoderPart(Part(_path(encoder)), lambda request, pretrained: _construct(encoder, request, pretrained))
    if isinstance(encoder, nn.Module):
        return EncoderPart(
            Part(_path(type(encoder))), lambda request, pretrained: _as_it_is(encoder, request, pretrained)
        )
    raise OptionError(f"an encoder is a name, a class or a module, got {encoder!r}; see `segzoo encoders`")


def find_decoder(decoder: str | type[Decoder] | Decoder) -> tuple[Part, type[Decoder] | Decoder]:
    """A decoder by name, class or module: its part of the plan, and the class or module.

    :raises UnknownNameError: when no plugin provides that name.
    :raises AmbiguousNameError: when several do.
    """
    if isinstance(decoder, str):
        provided = pair_names.find_decoder(decoder)
        return Part(provided.id, provided.distribution, provided.version), provided.load()
    kind = decoder if isinstance(decoder, type) else type(decoder)
    if not issubclass(kind, Decoder):
        raise OptionError(
            f"a decoder is a name, a segzoo.Decoder class or such a module, got {decoder!r}; see `segzoo decoders`"
        )
    return Part(_path(kind)), decoder


def find_neck(neck: str | type[Neck]) -> tuple[Part, type[Neck]]:
    """A neck by name or class.

    :raises UnknownNameError: when no plugin provides that name.
    :raises AmbiguousNameError: when several do.
    """
    if isinstance(neck, str):
        provided = registry.find_neck(neck)
        return Part(provided.id, provided.distribution, provided.version), provided.load()
    if isinstance(neck, type) and issubclass(neck, Neck):
        return Part(_path(neck)), neck
    raise OptionError(f'a neck is "auto", None, a name or a segzoo.Neck class, got {neck!r}')


def _construct(encoder: type[nn.Module], request: EncoderRequest, pretrained: Pretrained) -> Any:
    _refuse_wishes(encoder.__name__, request)
    _refuse_pretrained(encoder.__name__, pretrained)
    asked = {"in_channels": request.in_channels, "depth": request.depth, "img_size": request.img_size}
    declared, others_allowed = declared_options(encoder), is_open(encoder)
    if request.in_channels == COLOURS and "in_channels" not in declared and not others_allowed:
        del asked["in_channels"]
    arguments = {name: value for name, value in asked.items() if value is not None} | dict(request.options)
    check_options(encoder.__name__, declared, arguments, others_allowed)
    return encoder(**arguments)


def _as_it_is(encoder: nn.Module, request: EncoderRequest, pretrained: Pretrained) -> Any:
    who = type(encoder).__name__
    _refuse_wishes(who, request)
    _refuse_pretrained(who, pretrained)
    if request.options or request.img_size or request.depth is not None:
        raise OptionError(f"{who} is built already: give it its depth, img_size and options when you construct it")
    return encoder


def _refuse_wishes(who: str, request: EncoderRequest) -> None:
    """All but that for tokens: an encoder that has the capability has it as it is."""
    if request.output_stride:
        raise NegotiationError(f"{who} is given as it is, and can't be dilated from outside")
    if request.prefix:
        raise NegotiationError(f"{who} is given as it is, and its class token, if any, can't be asked for")


def _refuse_pretrained(who: str, pretrained: Pretrained) -> None:
    if pretrained:
        raise OptionError(f"{who} is no encoder by name: load its weights yourself, and leave `pretrained` out")


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
