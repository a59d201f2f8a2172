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

from segzoo.contract import FeatureSpec, Selection
from segzoo.decoder import Decoder
from segzoo.errors import ContractError, NegotiationError, OptionError, SegzooError
from segzoo.handshake.agreement import Agreement, construct_decoder
from segzoo.handshake.arguments import Arguments
from segzoo.handshake.decoder_options import decoder_options, select_stages
from segzoo.handshake.driving import Driven
from segzoo.handshake.offering import Offer, offer_of
from segzoo.handshake.parts import EncoderPart, find_decoder, find_encoder, find_neck
from segzoo.handshake.planning import Part, Plan
from segzoo.handshake.refiner import Refiner
from segzoo.head import Classes
from segzoo.host import registry
from segzoo.neck import Neck
from segzoo.verification import call_on_meta, count_parameters, verify_features


def plan(encoder: str | type[nn.Module] | nn.Module, decoder: str | type[Decoder] | Decoder, **arguments: Any) -> Plan:
    """Run the handshake alone: takes what `create_model` takes, and allocates no weights.

    :raises NegotiationError: when encoder and decoder can't work together.
    :raises UnknownNameError: when no plugin provides a name; AmbiguousNameError when several do.
    :raises OptionError: for an argument or option that is unknown or out of range.
    :raises ContractError: when a part doesn't do what it declares.

    >>> print(segzoo.plan("mit_b0", "segformer"))  # doctest: +SKIP
    """
    arguments.pop("pretrained", None)  # weights change no plan
    if arguments.get("classes") is None and arguments.get("heads") is None:
        arguments["classes"] = 1
    return negotiate(Arguments.of(encoder=encoder, decoder=decoder, **arguments)).plan


def negotiate(arguments: Arguments) -> Agreement:
    """The handshake, in five steps; see `plan`."""
    parties = _parties(arguments)
    offer, selection, refusals = _grant_wishes(parties, arguments)
    offered, more_refusals = _add_neck(parties, offer, selection)
    decoder, options = _prove_decoder(parties, offer, offered)
    return _agree(arguments, parties, offer, offered, decoder, options, (*refusals, *more_refusals))


# 1. Who takes part.


@dataclass(frozen=True)
class Parties:
    """Encoder and decoder, and the neck if it was named.

    :param neck: "auto", None or the neck that was asked for.
    """

    encoder: EncoderPart
    decoder: DecoderPart
    neck: NeckPart | str | None
    classes: Classes


@dataclass(frozen=True)
class NeckPart:
    """A neck to be."""

    part: Part
    kind: type[Neck]

    @classmethod
    def find(cls, neck: str | type[Neck]) -> NeckPart:
        """By name or class."""
        return cls(*find_neck(neck))


@dataclass(frozen=True)
class DecoderPart:
    """A decoder to be, or one that is built already, with the options that the user gave it."""

    part: Part
    kind: type[Decoder] | Decoder
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        self.check(self.options)

    def check(self, options: Mapping[str, Any]) -> None:
        """Hold options against the decoder's.

        :raises OptionError: for one that it doesn't have, or a value that it doesn't take.
        """
        if not isinstance(self.kind, Decoder):
            decoder_options(self.kind).check(f"decoder {self.part.id}", options)
        elif options:
            raise OptionError(f"{self.part.id} is built already: give it its options when you construct it")

    def select(self, offer: FeatureSpec) -> Selection:
        """Which stages it takes of an offer.

        :raises NegotiationError: when it can't do with that; the message names decoders that can.
        :raises ContractError: when its answer makes no sense.
        """
        try:
            selection = select_stages(self.kind, offer, self.options)
        except NegotiationError as refusal:
            fitting = ", ".join(_fitting_decoders(offer)) or "none"
            raise NegotiationError(f"{refusal}. Installed decoders that take this encoder: {fitting}") from refusal
        if not isinstance(selection, Selection) or selection.stages[-1] >= len(offer):
            raise ContractError(f"decoder {self.part.id} was offered {len(offer)} entries and answered {selection!r}")
        empty = [stage for stage in selection.stages if offer.is_placeholder(stage)]
        if empty and not selection.placeholders:
            raise ContractError(
                f"decoder {self.part.id} welcomes no placeholders, but selected stages {empty}, which are such"
            )
        return selection


def _parties(arguments: Arguments) -> Parties:
    neck = arguments.neck
    return Parties(
        find_encoder(arguments.encoder),
        DecoderPart(*find_decoder(arguments.decoder), arguments.decoder_options),
        neck if neck in ("auto", None) else NeckPart.find(neck),
        Classes.of(arguments.classes, arguments.heads),
    )


def _fitting_decoders(offer: FeatureSpec) -> Iterator[str]:
    for name in registry.list_decoders():
        try:
            select_stages(registry.find_decoder(name).load(), offer, {})
        except SegzooError:
            continue
        yield name


# 2. The encoder offers, the decoder selects; its wishes are granted where the encoder can.


def _grant_wishes(parties: Parties, arguments: Arguments) -> tuple[Offer, Selection, tuple[str, ...]]:
    """The last offer, what the decoder selects of it, and the wishes that weren't granted, each with the reason."""
    demanded = arguments.request
    offer = offer_of(parties.encoder, demanded)
    selection = parties.decoder.select(offer.spec)
    refusals: list[str] = []
    tried: set[tuple[str, Any]] = set()
    while wish := next((wish for wish in _wishes(selection, offer) if wish not in tried), None):
        tried.add(wish)
        name, value = wish
        if getattr(demanded, name) is not None:
            refusals.append(f"wish {name}={value!r} not granted: {getattr(demanded, name)!r} was demanded")
            continue
        try:
            offer = offer_of(parties.encoder, replace(offer.request, **{name: value}))
        except NegotiationError as refusal:
            if name == "tokens":
                raise
            refusals.append(f"wish {name}={value!r} not granted: {refusal}")
        else:
            selection = parties.decoder.select(offer.spec)
    return offer, selection, tuple(refusals)


def _wishes(selection: Selection, offer: Offer) -> Iterator[tuple[str, Any]]:
    """What the decoder wishes of the encoder, and the offer lacks."""
    stride = selection.output_stride
    if stride is not None and max(offer.spec.select(selection.stages).strides) > stride:
        yield "output_stride", stride
    if selection.prefix is not None and selection.prefix != offer.request.prefix:
        yield "prefix", selection.prefix
    if selection.tokens is not None and selection.tokens != offer.request.tokens:
        yield "tokens", selection.tokens


# 3. A neck, where it was named, or where the decoder wishes for a pyramid that the encoder doesn't have.


@dataclass(frozen=True)
class Offered:
    """What the decoder selects from in the end: the neck's list if there is one, else the encoder's.

    :param neck_stages: the stages that the neck was asked to fill.
    :param neck_parameters: how many the neck has.
    """

    spec: FeatureSpec
    features: list[Tensor]
    selection: Selection
    neck: NeckPart | None = None
    neck_stages: tuple[int, ...] = ()
    neck_parameters: int = 0


def _add_neck(parties: Parties, offer: Offer, selection: Selection) -> tuple[Offered, tuple[str, ...]]:
    """The list that the decoder selects from, and why there is no pyramid if it wished for one."""
    neck = parties.neck
    refusals: tuple[str, ...] = ()
    if not isinstance(neck, NeckPart):
        neck, refusals = _neck_for(offer.spec, selection, allowed=neck == "auto")
    if neck is None:
        return Offered(offer.spec, offer.features, selection), refusals
    offered = _through_neck(neck, _maps(offer.spec, selection), offer, parties.decoder)
    taken = tuple(stage for stage in offered.neck_stages if stage in offered.selection.stages)
    if taken and taken != offered.neck_stages:  # what the decoder leaves out, the neck needn't make
        smaller = _through_neck(neck, taken, offer, parties.decoder)
        if smaller.selection == offered.selection:
            offered = smaller
    return offered, refusals


def _neck_for(spec: FeatureSpec, selection: Selection, allowed: bool) -> tuple[NeckPart | None, tuple[str, ...]]:
    if not selection.pyramid or _is_pyramid(spec, selection):
        return None, ()
    if not allowed:
        return None, ("wish pyramid=True not granted: neck=None",)
    if candidates := registry.necks_granting("pyramid"):
        return NeckPart.find(candidates[0].id), ()
    return None, ("wish pyramid=True not granted: no installed plugin provides a neck that makes one",)


def _through_neck(neck: NeckPart, stages: tuple[int, ...], offer: Offer, decoder: DecoderPart) -> Offered:
    if neck.kind.needs_image and not offer.holds_image:
        raise NegotiationError(
            f"neck {neck.part.id} needs the image, and this encoder has a map of its own in entry 0, of "
            f"{offer.spec.channels[0]} channels; take another neck, or another encoder"
        )
    with torch.device("meta"):
        twin = neck.kind(offer.spec, stages)
    features = call_on_meta(twin, offer.features)
    verify_features(f"neck {neck.part.id}", twin.spec, offer.image, features)
    return Offered(twin.spec, features, decoder.select(twin.spec), neck, stages, count_parameters(twin))


def _maps(spec: FeatureSpec, selection: Selection) -> tuple[int, ...]:
    """The selected stages that hold maps: neither the image's own resolution nor a placeholder."""
    return tuple(stage for stage in selection.stages if stage > 0 and not spec.is_placeholder(stage))


def _is_pyramid(spec: FeatureSpec, selection: Selection) -> bool:
    return all(finer < coarser for finer, coarser in pairwise(spec.select(_maps(spec, selection)).strides))


# 4. The decoder is built for the stages that it selected, and one forward shows what it emits.


def _prove_decoder(parties: Parties, offer: Offer, offered: Offered) -> tuple[Decoder, Mapping[str, Any]]:
    """The decoder on the meta device, and its options, those included that follow from the offer."""
    decoder, selection = parties.decoder, offered.selection
    stages = offered.spec.select(selection.stages)
    options = decoder.options
    if isinstance(decoder.kind, Decoder):
        twin = decoder.kind
        if twin.stages != stages:
            raise NegotiationError(
                f"{type(twin).__name__} is built for {twin.stages}, and this encoder gives it {stages}; "
                "give the class instead of the module, and segzoo builds it for the encoder"
            )
    else:
        options = {**options, **selection.options}
        decoder.check(options)
        with torch.device("meta"):
            twin = construct_decoder(decoder.kind, stages, parties.classes, options)
    if selection.tokens is None:
        output = call_on_meta(twin, [offered.features[stage] for stage in selection.stages])
    else:
        output = call_on_meta(Driven(offer.encoder, twin, selection.tokens), offer.image)
    _verify_output(decoder.part, twin, parties.classes, output)
    return twin, options


def _verify_output(part: Part, decoder: Decoder, classes: Classes, output: Any) -> None:
    if decoder.emits == "queries":
        fits = (
            isinstance(output, tuple)
            and len(output) >= 2
            and output[0].ndim == 4
            and tuple(output[1].shape) == (*output[0].shape[:2], classes.total + 1)
        )
        declared = f"mask logits (B, Q, h, w) and class logits (B, Q, {classes.total + 1})"
    else:
        channels = decoder.out_channels if decoder.emits == "features" else classes.total
        fits = isinstance(output, Tensor) and output.ndim == 4 and output.shape[1] == channels
        declared = f"{decoder.emits} (B, {channels}, h, w)"
    if not fits:
        got = [tuple(each.shape) for each in output[:2]] if isinstance(output, tuple | list) else tuple(output.shape)
        raise ContractError(f"decoder {part.id} declares {declared}, and its forward returned {got}")


# 5. The plan is written.


def _agree(
    arguments: Arguments,
    parties: Parties,
    offer: Offer,
    offered: Offered,
    decoder: Decoder,
    decoder_options: Mapping[str, Any],
    refusals: tuple[str, ...],
) -> Agreement:
    neck = offered.neck
    plan = Plan(
        encoder=replace(parties.encoder.part, parameters=offer.parameters),
        neck=replace(neck.part, parameters=offered.neck_parameters) if neck else None,
        neck_stages=offered.neck_stages,
        auxiliary=_auxiliary_stages(arguments.auxiliary, offered),
        decoder=replace(parties.decoder.part, parameters=count_parameters(decoder)),
        request=offer.request,
        decoder_options=decoder_options,
        encoder_spec=offer.spec,
        spec=offered.spec,
        stages=offered.selection.stages,
        roles=offered.selection.roles,
        input_spec=offer.input_spec,
        strict_size=arguments.strict_size,
        inner=_inner(decoder),
        refusals=refusals,
        notes=offered.selection.notes,
    )
    return Agreement(plan, parties.encoder, neck.kind if neck else None, parties.decoder.kind)


def _inner(decoder: Decoder) -> Part | None:
    if not isinstance(decoder, Refiner):
        return None
    return replace(decoder.inner_part, parameters=count_parameters(decoder.inner))


def _auxiliary_stages(stages: Sequence[int], offered: Offered) -> tuple[int, ...]:
    if stages and offered.selection.tokens is not None:
        raise OptionError(
            f"auxiliary={list(stages)}: this decoder drives the encoder's last blocks itself, and no stage's map is "
            "computed; leave it out"
        )
    maps = [stage for stage in offered.spec.native if stage > 0]
    if set(stages) - set(maps) or len(set(stages)) != len(stages):
        raise OptionError(f"auxiliary is a list of stages that hold a map, once each, out of {maps}; got {stages!r}")
    return tuple(sorted(stages))
