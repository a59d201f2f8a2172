"""The promises of a decoder alone: how it negotiates, and what its output is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import SkipTest

import torch
from torch import Tensor

from segzoo.contract import FeatureSpec, Selection, grid_size
from segzoo.handshake.decoder_options import decoder_options, select_stages
from segzoo.options import EMPTY
from segzoo.testing.cases import CLASSES, ODD_SIZE
from segzoo.testing.catalogue import CATALOGUE
from segzoo.testing.chance import WithoutChance
from segzoo.testing.decoder_subject import DecoderSubject
from segzoo.testing.outputs import outputs
from segzoo.testing.results import ConformanceError

HALVINGS = 7


def negotiation(subject: DecoderSubject) -> None:
    """Every encoder of the catalogue gets a valid `Selection` that can be built, or a `NegotiationError`."""
    offers = {name: pattern.spec for name, pattern in CATALOGUE.items()}
    answers = {name: _ask(subject, name, offer) for name, offer in offers.items()}
    for name in reversed(offers):
        if (again := _ask(subject, name, offers[name])) != answers[name]:
            raise ConformanceError(f"two answers to one offer, {name!r}: {answers[name]}, then {again}")
    for name, answer in answers.items():
        if isinstance(answer, Selection):
            _hold_selection(name, offers[name], answer)
            try:
                subject.case(name)
            except subject.refusals:
                continue
            except Exception as error:
                raise ConformanceError(
                    f"it accepts encoder {name!r}, and then can't be built: {type(error).__name__}: {error}"
                ) from error
    if not any(isinstance(answer, Selection) for answer in answers.values()):
        raise ConformanceError(
            f"it refuses every encoder of the catalogue; the first so: {next(iter(answers.values()))}"
        )


def out_channels(subject: DecoderSubject) -> None:
    """Its output has as many channels as it declares: `out_channels`, or one for each class."""
    for case in subject.witnesses():
        for classes in (1, CLASSES):
            with torch.device("meta"):
                decoder = case.decoder_alone(classes)
                output = case.build(classes)(case.inputs(device="meta"))
            if decoder.emits == "queries":
                declared = [(2, None), (2, output[0].shape[1], classes + 1)]
                found = [(len(output[0]), None), tuple(output[1].shape)]
                what = f"class logits (B, Q, {classes + 1}) for {classes} classes"
            else:
                channels = decoder.out_channels if decoder.emits == "features" else classes
                declared, found = [(2, channels)], [tuple(output.shape[:2])]
                what = f"{decoder.emits} (B, {channels}, h, w)"
            if declared != found:
                raise ConformanceError(f"{case.where}: declared {what}, returned shape {found[-1]} for a batch of two")


def sizes(subject: DecoderSubject) -> None:
    """At an odd image size, with every encoder, its output has the size of one of its maps, or halves of that.

    Sizes come from tensors: what is computed from an index or a factor misses them by a pixel or more where patches,
    dilation or a border leave the grid. Masks of queries, which cover the image whatever their size, may also be twice
    as large as a map, and twice that.
    """
    for case in subject.cases():
        where = f"{case.where} and an image of {ODD_SIZE[0]}x{ODD_SIZE[1]}"
        features = case.inputs(ODD_SIZE, batch=1)
        try:
            with torch.no_grad(), WithoutChance():
                output = outputs(case.build().eval(), features)[0]
        except Exception as error:
            raise ConformanceError(f"{where}: {type(error).__name__}: {error}") from error
        maps = case.map_sizes(ODD_SIZE)
        grids = {*_grids(maps), *(_doubled(maps) if subject.decoder.emits == "queries" else ())}
        if output.ndim != 4 or tuple(output.shape[-2:]) not in grids:
            raise ConformanceError(
                f"{where}: the output has shape {tuple(output.shape)}, and its maps have "
                f"{', '.join(f'{height}x{width}' for height, width in maps)}; take sizes from tensors, never from an "
                "index or a factor"
            )


def coarser_maps(subject: DecoderSubject) -> None:
    """Asked for the coarser maps that it is supervised at, it returns them as declared, beside the same output."""
    declaring = [case for case in subject.witnesses() if case.decoder_alone().coarser_channels]
    if not declaring:
        raise SkipTest("it declares no coarser maps")
    for case in declaring:
        decoder, inputs = case.decoder_alone().eval(), case.inputs()
        if decoder.emits == "queries":
            raise ConformanceError(
                f"{case.where}: it emits queries, which have those of earlier layers with them in place of coarser maps"
            )
        with torch.no_grad():
            alone, (output, coarser) = decoder(inputs), decoder(inputs, coarser=True)
        if not torch.equal(alone, output):
            raise ConformanceError(f"{case.where}: its output is another one when coarser maps are asked for")
        found = tuple(each.shape[1] for each in coarser)
        if found != decoder.coarser_channels:
            raise ConformanceError(
                f"{case.where}: declared coarser maps of {decoder.coarser_channels} channels, returned {found}"
            )


def options(subject: DecoderSubject) -> None:
    """Its options, defaults included, survive JSON, and build the same decoder: that is how a model is saved."""
    declared = decoder_options(subject.decoder).declared.values()
    given = {each.name: each.default for each in declared if each.default is not EMPTY} | dict(subject.options)
    try:
        restored = json.loads(json.dumps(given))
    except TypeError as error:
        raise ConformanceError(f"options must be plain data, got {given}: {error}") from error
    for case in subject.witnesses():
        offer = case.plan.spec
        if select_stages(subject.decoder, offer, restored) != select_stages(subject.decoder, offer, given):
            raise ConformanceError(f"{case.where}: the options from JSON, {restored}, negotiate otherwise than {given}")
        with torch.device("meta"):
            built, rebuilt = (_shapes(case.build(options=each).state_dict()) for each in (given, restored))
        if built != rebuilt:
            raise ConformanceError(f"{case.where}: the options from JSON, {restored}, build another decoder")


def _ask(subject: DecoderSubject, name: str, offer: FeatureSpec) -> Any:
    """The decoder's answer, or its refusal as text."""
    try:
        return select_stages(subject.decoder, offer, subject.options)
    except subject.refusals as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    except Exception as error:
        raise ConformanceError(
            f"it answers encoder {name!r} with {type(error).__name__}: {error}; an offer is either selected from or "
            "refused by a NegotiationError"
        ) from error


def _hold_selection(name: str, offer: FeatureSpec, selection: Selection) -> None:
    if selection.stages[0] < 0 or selection.stages[-1] >= len(offer):
        raise ConformanceError(f"of encoder {name!r}, stages 0 to {offer.depth}, it selects {selection.stages}")
    empty = [stage for stage in selection.stages if offer.is_placeholder(stage)]
    if empty and not selection.placeholders:
        raise ConformanceError(
            f"of encoder {name!r} it selects the placeholders {empty}, and its selection doesn't welcome any"
        )


def _grids(maps: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for each in maps:
        for halving in range(HALVINGS):
            yield grid_size(each, 2**halving)


def _doubled(maps: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for height, width in maps:
        for doubling in range(HALVINGS):
            yield height * 2**doubling, width * 2**doubling


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}
