"""How a timm architecture becomes an encoder: the maps that are taken, and the feature list that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

import segzoo
from segzoo_timm.building import build
from segzoo_timm.extraction import Layout, class_token_channels
from segzoo_timm.measurement import Measurement, measure
from segzoo_timm.probe import AMPLE, COLOURS
from segzoo_timm.taps import choose_taps


@dataclass(frozen=True)
class Survey:
    """How to build an encoder.

    :param arguments: for timm's `create_model`.
    :param indices: the entries of timm's `feature_info` that are taken.
    :param stages: where their maps stand.
    :param spec: of the whole feature list.
    :param class_token: whether it is appended to each map.
    :param driven: whether a decoder is to drive its last blocks.
    """

    arguments: Mapping[str, Any]
    indices: tuple[int, ...]
    stages: tuple[int, ...]
    spec: segzoo.FeatureSpec
    input_spec: segzoo.InputSpec
    layout: Layout
    class_token: bool
    colours_only: bool
    driven: bool


def survey(name: str, request: segzoo.EncoderRequest) -> Survey:
    """Find out how to build an encoder.

    :raises OptionError: for a depth, size or option that the architecture doesn't have.
    :raises NegotiationError: for a wish that it can't grant.
    :raises CheckpointError: when the name is a hub's or a folder's, and it can't be read.
    """
    if request.prefix not in (None, "concat"):
        raise segzoo.OptionError(f"prefix is 'concat' or None, got {request.prefix!r}")
    measured = measure(name, replace(request, output_stride=None))
    taps = choose_taps(name, measured.maps.strides, request.depth)
    wished = request.output_stride
    if wished and _coarsest(measured, taps.indices) > wished:
        measured = measure(name, request)
        if _coarsest(measured, taps.indices) > wished:
            raise segzoo.NegotiationError(
                f"timm's {name}, asked for stride {wished}, still comes out at {_coarsest(measured, taps.indices)}"
            )
    if request.tokens and not measured.blocks:
        raise segzoo.NegotiationError(f"timm's {name} runs its blocks by itself: no decoder can drive them")
    tokens = _token_channels(name, measured, taps.indices) if request.prefix else (0,) * len(taps.indices)
    return Survey(
        measured.arguments,
        taps.indices,
        taps.stages,
        _feature_list(request.in_channels, measured, taps.indices, taps.stages, tokens),
        measured.maps.input_spec,
        measured.layout,
        class_token=request.prefix is not None,
        colours_only=measured.colours_only,
        driven=request.tokens is not None,
    )


def _coarsest(measured: Measurement, indices: Sequence[int]) -> int:
    return max(measured.maps.strides[index] for index in indices)


def _feature_list(
    in_channels: int, measured: Measurement, indices: Sequence[int], stages: Sequence[int], tokens: Sequence[int]
) -> segzoo.FeatureSpec:
    """The maps at their stages, the image in entry 0 unless a map stands there, placeholders elsewhere."""
    channels, strides, token_channels = {0: in_channels}, {}, {}
    for stage, index, of_token in zip(stages, indices, tokens, strict=True):
        channels[stage] = measured.maps.channels[index] + of_token
        strides[stage] = measured.maps.strides[index]
        token_channels[stage] = of_token
    entries = range(stages[-1] + 1)
    return segzoo.FeatureSpec(
        channels=tuple(channels.get(entry, 0) for entry in entries),
        strides=tuple(strides.get(entry, 2**entry) for entry in entries),
        token_channels=tuple(token_channels.get(entry, 0) for entry in entries),
        blocks=measured.blocks,
    )


def _token_channels(name: str, measured: Measurement, indices: Sequence[int]) -> tuple[int, ...]:
    """Channels of the class token at each of some features.

    :raises NegotiationError: when the architecture has no class token.
    """
    input_spec = measured.maps.input_spec
    height, width = input_spec.fixed or input_spec.padded((AMPLE, AMPLE))
    with torch.device("meta"), torch.no_grad():
        body = build(name, COLOURS, measured.arguments).eval()
        channels = class_token_channels(body, torch.empty(1, COLOURS, height, width), indices)
    if not channels:
        raise segzoo.NegotiationError(f"timm's {name} has no class token")
    return channels
