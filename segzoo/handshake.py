"""The handshake: the encoder offers stages, the decoder selects and wishes, the result is a plan.

It runs on the meta device: encoder, neck and decoder are built there without weights, and one forward proves that each
does what it declares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from segzoo import registry
from segzoo.contract import FeatureSpec, InputSpec
from segzoo.decoder import Decoder
from segzoo.encoder import Pretrained
from segzoo.errors import ContractError, NegotiationError, OptionError, SegzooError
from segzoo.head import Classes
from segzoo.neck import Neck
from segzoo.parts import EncoderPart, check_options, find_decoder, find_encoder, find_neck
from segzoo.planning import Part, Plan
from segzoo.request import EncoderRequest
from segzoo.selection import Selection
from segzoo.verification import call_for_shapes, call_on_meta, probe_image, verify_features


@dataclass(frozen=True)
class Agreement:
    """A plan, and the parts that it is built from."""

    plan: Plan
    encoder: EncoderPart
    neck: type[Neck] | None
    decoder: type[Decoder] | Decoder


def plan(
    encoder: str | type[nn.Module] | nn.Module,
    decoder: str | type[Decoder] | Decoder,
    *,
    classes: int | None = None,
    in_channels: int = 3,
    depth: int | None = None,
    img_size: int | tuple[int, int] | None = None,
    pretrained: Pretrained = False,
    neck: str | type[Neck] | None = "auto",
    encoder_options: Mapping[str, Any] | None = None,
    decoder_options: Mapping[str, Any] | None = None,
    heads: Mapping[str, int] | None = None,
    auxiliary: Sequence[int] = (),
    strict_size: bool = False,
) -> Plan:
    """Run the handshake alone: takes what `create_model` takes, and allocates no weights.

    :raises NegotiationError: when encoder and decoder can't work together.
    :raises UnknownNameError: when no plugin provides a name; AmbiguousNameError when several do.
    :raises OptionError: for an option that is unknown or out of range.
    :raises ContractError: when a part doesn't do what it declares.

    >>> print(segzoo.plan("mit_b0", "segformer"))  # doctest: +SKIP
    """
    return negotiate(
        encoder,
        decoder,
        Classes.of(1 if classes is None and heads is None else classes, heads),
        encoder_request(in_channels, depth, img_size, encoder_options),
        neck=neck,
        decoder_options=dict(decoder_options or {}),
        auxiliary=auxiliary,
        strict_size=strict_size,
    ).plan


def encoder_request(
    in_channels: int,
    depth: int | None,
    img_size: int | tuple[int, int] | None,
    encoder_options: Mapping[str, Any] | None,
) -> EncoderRequest:
    """The user's side of the request for an encoder.

    Wishes given as encoder options are demands: the encoder's refusal is then an error, not a note, and a decoder that
    wishes otherwise doesn't get it.

    :raises OptionError: for a number out of range.
    """
    options = dict(encoder_options or {})
    output_stride, prefix = options.pop("output_stride", None), options.pop("prefix", None)
    for name, value in {"in_channels": in_channels, "depth": depth, "output_stride": output_stride}.items():
        if value is not None or name == "in_channels":
            _check_count(name, value)
    return EncoderRequest(in_channels, depth, _sides(img_size), output_stride, prefix, options)


def negotiate(
    encoder: str | type[nn.Module] | nn.Module,
    decoder: str | type[Decoder] | Decoder,
    classes: Classes,
    request: EncoderRequest,
    *,
    neck: str | type[Neck] | None,
    decoder_options: Mapping[str, Any],
    auxiliary: Sequence[int],
    strict_size: bool,
) -> Agreement:
    """The handshake: see `plan`."""
    encoder_part = find_encoder(encoder)
    decoder_part, decoder_class = find_decoder(decoder)
    neck_part, neck_class = find_neck(neck) if neck not in ("auto", None) else (None, None)
    _check_decoder_options(decoder_part, decoder_class, decoder_options)

    refusals: list[str] = []
    offer = _offer(encoder_part, request)
    selection = _ask(decoder_part, decoder_class, offer.spec, decoder_options)
    demanded = request
    tried: set[tuple[str, Any]] = set()
    while wish := next((wish for wish in _encoder_wishes(selection, offer) if wish not in tried), None):
        tried.add(wish)
        name, value = wish
        if getattr(demanded, name) is not None:
            refusals.append(f"wish {name}={value!r} not granted: {getattr(demanded, name)!r} was demanded")
            continue
        try:
            granted = _offer(encoder_part, replace(request, **{name: value}))
        except NegotiationError as refusal:
            refusals.append(f"wish {name}={value!r} not granted: {refusal}")
        else:
            request, offer = granted.request, granted
            selection = _ask(decoder_part, decoder_class, offer.spec, decoder_options)

    spec, features = offer.spec, offer.features
    if neck == "auto" and selection.pyramid and not _is_pyramid(spec, selection):
        candidates = registry.necks_granting("pyramid")
        if candidates:
            neck_part, neck_class = find_neck(candidates[0].id)
        else:
            refusals.append("wish pyramid=True not granted: no installed plugin provides a neck that makes one")
    elif neck is None and selection.pyramid and not _is_pyramid(spec, selection):
        refusals.append("wish pyramid=True not granted: neck=None")
    neck_stages: tuple[int, ...] = ()
    if neck_part and neck_class:
        neck_stages = _maps(spec, selection)
        with torch.device("meta"):
            neck_twin = neck_class(spec, neck_stages)
        spec, features = neck_twin.spec, call_on_meta(neck_twin, features)
        verify_features(f"neck {neck_part.id}", spec, offer.image, features)
        neck_part = replace(neck_part, parameters=_parameters(neck_twin))
        selection = _ask(decoder_part, decoder_class, spec, decoder_options)

    if not isinstance(decoder_class, Decoder):
        decoder_options = {**decoder_options, **selection.options}
        _check_decoder_options(decoder_part, decoder_class, decoder_options)
    decoder_twin = _build_on_meta(decoder_class, spec.select(selection.stages), classes, decoder_options)
    _verify_decoder(decoder_part, decoder_twin, classes, [features[stage] for stage in selection.stages])
    return Agreement(
        Plan(
            encoder=replace(encoder_part.part, parameters=offer.parameters),
            neck=neck_part,
            neck_stages=neck_stages,
            auxiliary=_auxiliary_stages(auxiliary, spec),
            decoder=replace(decoder_part, parameters=_parameters(decoder_twin)),
            request=request,
            decoder_options=decoder_options,
            encoder_spec=offer.spec,
            spec=spec,
            stages=selection.stages,
            roles=selection.roles,
            input_spec=offer.input_spec,
            strict_size=strict_size,
            refusals=tuple(refusals),
            notes=selection.notes,
        ),
        encoder_part,
        neck_class,
        decoder_class,
    )


def _auxiliary_stages(stages: Sequence[int], spec: FeatureSpec) -> tuple[int, ...]:
    maps = [stage for stage in spec.native if stage > 0]
    if isinstance(stages, int) or set(stages) - set(maps) or len(set(stages)) != len(stages):
        raise OptionError(f"auxiliary is a list of stages that hold a map, once each, out of {maps}; got {stages!r}")
    return tuple(sorted(stages))


@dataclass(frozen=True)
class Offer:
    """What an encoder has been seen to do on the meta device."""

    request: EncoderRequest
    spec: FeatureSpec
    input_spec: InputSpec
    parameters: int
    image: Tensor
    features: list[Tensor]


def _offer(part: EncoderPart, request: EncoderRequest) -> Offer:
    with torch.device("meta"):
        twin = part.create(request, False)
    spec = getattr(twin, "spec", None)
    if not isinstance(spec, FeatureSpec):
        raise ContractError(f"encoder {part.part.id} needs an attribute `spec`, a segzoo.FeatureSpec; got {spec!r}")
    input_spec = getattr(twin, "input_spec", None) or InputSpec()
    image = probe_image(spec, input_spec, request.in_channels)
    features = call_for_shapes(twin, image)
    verify_features(f"encoder {part.part.id}", spec, image, features)
    on_meta = [feature.detach().to("meta") for feature in features]
    return Offer(request, spec, input_spec, _parameters(twin), image, on_meta)


def _ask(part: Part, decoder: type[Decoder] | Decoder, offer: FeatureSpec, options: Mapping[str, Any]) -> Selection:
    try:
        selection = decoder.negotiate(offer, **options)
    except NegotiationError as refusal:
        fitting = ", ".join(_fitting_decoders(offer)) or "none"
        raise NegotiationError(f"{refusal}. Installed decoders that take this encoder: {fitting}") from refusal
    if not isinstance(selection, Selection) or selection.stages[-1] >= len(offer):
        raise ContractError(f"decoder {part.id} was offered {len(offer)} entries and answered {selection!r}")
    empty = [stage for stage in selection.stages if offer.is_placeholder(stage)]
    if empty and not selection.placeholders:
        raise ContractError(f"decoder {part.id} welcomes no placeholders, but selected stages {empty}, which are such")
    return selection


def _fitting_decoders(offer: FeatureSpec) -> Iterator[str]:
    for name in registry.list_decoders():
        try:
            registry.find_decoder(name).load().negotiate(offer)
        except SegzooError:
            continue
        yield name


def _encoder_wishes(selection: Selection, offer: Offer) -> Iterator[tuple[str, Any]]:
    """What the decoder wishes for, and the encoder's offer lacks."""
    stride = selection.output_stride
    if stride is not None and max(offer.spec.select(selection.stages).strides) > stride:
        yield "output_stride", stride
    if selection.prefix is not None and selection.prefix != offer.request.prefix:
        yield "prefix", selection.prefix


def _maps(spec: FeatureSpec, selection: Selection) -> tuple[int, ...]:
    """The selected stages that hold maps: neither the image's own resolution nor a placeholder."""
    return tuple(stage for stage in selection.stages if stage > 0 and not spec.is_placeholder(stage))


def _is_pyramid(spec: FeatureSpec, selection: Selection) -> bool:
    return all(finer < coarser for finer, coarser in pairwise(spec.select(_maps(spec, selection)).strides))


def _build_on_meta(
    decoder: type[Decoder] | Decoder, stages: FeatureSpec, classes: Classes, options: Mapping[str, Any]
) -> Decoder:
    if isinstance(decoder, Decoder):
        if decoder.stages != stages:
            raise NegotiationError(
                f"{type(decoder).__name__} is built for {decoder.stages}, and this encoder gives it {stages}; "
                "give the class instead of the module, and segzoo builds it for the encoder"
            )
        return decoder
    with torch.device("meta"):
        return build_decoder(decoder, stages, classes, options)


def build_decoder(decoder: type[Decoder], stages: FeatureSpec, classes: Classes, options: Mapping[str, Any]) -> Decoder:
    """Construct a decoder for the stages that it was granted."""
    classifying: dict[str, Any] = {} if decoder.emits == "features" else {"classes": classes.total}
    return decoder(stages, **classifying, **options)


def _verify_decoder(part: Part, decoder: Decoder, classes: Classes, features: list[Tensor]) -> None:
    output = call_on_meta(decoder, features)
    if decoder.emits == "queries":
        fits = (
            isinstance(output, tuple)
            and len(output) == 2
            and output[0].ndim == 4
            and tuple(output[1].shape) == (*output[0].shape[:2], classes.total + 1)
        )
        declared = f"mask logits (B, Q, h, w) and class logits (B, Q, {classes.total + 1})"
    else:
        channels = decoder.out_channels if decoder.emits == "features" else classes.total
        fits = isinstance(output, Tensor) and output.ndim == 4 and output.shape[1] == channels
        declared = f"{decoder.emits} (B, {channels}, h, w)"
    if not fits:
        got = [tuple(each.shape) for each in output] if isinstance(output, tuple | list) else tuple(output.shape)
        raise ContractError(f"decoder {part.id} declares {declared}, and its forward returned {got}")


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _sides(img_size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if img_size is None:
        return None
    sides = tuple(img_size) if isinstance(img_size, list | tuple) else (img_size, img_size)
    if len(sides) != 2:
        raise OptionError(f"img_size is one number or (height, width), got {img_size!r}")
    for side in sides:
        _check_count("img_size", side)
    return sides


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OptionError(f"{name} is a whole number from 1 on, got {value!r}")


def _check_decoder_options(part: Part, decoder: type[Decoder] | Decoder, options: Mapping[str, Any]) -> None:
    if isinstance(decoder, Decoder):
        if options:
            raise OptionError(f"{part.id} is built already: give it its options when you construct it")
        return
    check_options(f"decoder {part.id}", decoder, options, {"stages", "classes"})
