"""What an architecture offers, measured on the meta device: nothing that timm declares is believed."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import timm
import torch

import segzoo
from segzoo_timm.extraction import Body, Layout, class_token_channels, extract
from segzoo_timm.quirks import COLOURS_ONLY

ANY_SIZE = {"dynamic_img_size": True, "strict_img_size": False}  # timm's words for it
COLOURS = 3
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
POOLED = 3  # patches to a side, where an architecture pools them later
ODD_SIZES = ((97, 131), (259, 197))  # pixels, rounded up to odd numbers of a multiple
AMPLE = 256  # pixels: more than any architecture needs at least
MAPS_OF_ONE_RESOLUTION = 4  # as many as most pyramids have
LAYOUTS: tuple[Layout, ...] = ("NCHW", "NLC")
SETTLED = {
    "in_chans": "in_channels",
    "num_classes": "classes",
    "img_size": "img_size",
    "features_only": "nothing: an encoder has features only",
    "feature_cls": "nothing: segzoo takes the features by itself",
    "out_indices": "depth",
    "pretrained": "pretrained",
    "checkpoint_path": "pretrained",
}  # timm's options that segzoo has its own words for


@dataclass(frozen=True)
class Measurement:
    """All maps of an architecture, and the sizes that it takes.

    :param arguments: for timm's `create_model`.
    :param channels: of each entry of timm's `feature_info`.
    :param strides: likewise.
    :param layout: how the model is asked for its maps.
    :param colours_only: whether it takes three channels only.
    """

    arguments: Mapping[str, Any]
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    input_spec: segzoo.InputSpec
    layout: Layout
    colours_only: bool


@dataclass(frozen=True)
class Survey:
    """How to build an encoder.

    :param arguments: for timm's `create_model`.
    :param indices: the entries of timm's `feature_info` that are taken.
    :param stages: where their maps stand.
    :param spec: of the whole feature list.
    :param class_token: whether it is appended to each map.
    """

    arguments: Mapping[str, Any]
    indices: tuple[int, ...]
    stages: tuple[int, ...]
    spec: segzoo.FeatureSpec
    input_spec: segzoo.InputSpec
    layout: Layout
    class_token: bool
    colours_only: bool


def survey(name: str, request: segzoo.EncoderRequest) -> Survey:
    """Find out how to build an encoder.

    :raises OptionError: for a depth, size or option that the architecture doesn't have.
    :raises NegotiationError: for a wish that it can't grant.
    :raises CheckpointError: when the name is a hub's or a folder's, and it can't be read.
    """
    if request.prefix not in (None, "concat"):
        raise segzoo.OptionError(f"prefix is 'concat' or None, got {request.prefix!r}")
    in_channels = request.in_channels
    request = replace(request, in_channels=COLOURS)  # maps and sizes don't depend on it
    measured = _measure_once(name, replace(request, depth=None, output_stride=None, prefix=None))
    indices, stages = _take(name, measured.strides, request.depth)
    wished = request.output_stride
    if wished and _largest(measured, indices) > wished:
        measured = _measure_once(name, replace(request, depth=None, prefix=None))
        indices, stages = _take(name, measured.strides, request.depth)
        if _largest(measured, indices) > wished:
            raise segzoo.NegotiationError(
                f"timm's {name}, asked for stride {wished}, still comes out at {_largest(measured, indices)}"
            )
    token_channels = _token_channels(name, request, measured, indices) if request.prefix else (0,) * len(indices)
    channels = {0: in_channels}
    strides = {}
    tokens = {}
    for stage, index, more in zip(stages, indices, token_channels, strict=True):
        channels[stage] = measured.channels[index] + more
        strides[stage] = measured.strides[index]
        tokens[stage] = more
    entries = range(stages[-1] + 1)
    spec = segzoo.FeatureSpec(
        channels=tuple(channels.get(entry, 0) for entry in entries),
        strides=tuple(strides.get(entry, 2**entry) for entry in entries),
        token_channels=tuple(tokens.get(entry, 0) for entry in entries),
    )
    return Survey(
        measured.arguments,
        indices,
        stages,
        spec,
        measured.input_spec,
        measured.layout,
        class_token=request.prefix is not None,
        colours_only=measured.colours_only,
    )


def build(name: str, in_channels: int, arguments: Mapping[str, Any], **more: Any) -> Body:
    """A model of timm's, without a classifier."""
    try:
        return timm.create_model(name, in_chans=in_channels, num_classes=0, **arguments, **more)
    except TypeError:
        if "output_stride" not in arguments:
            raise
        own = {option: value for option, value in arguments.items() if option != "output_stride"}
        body = timm.create_model(name, in_chans=in_channels, num_classes=0, **own, **more)
        extractor = timm.create_model(name, in_chans=in_channels, features_only=True, **arguments, **more)
        return _with_dilated_layers(body, extractor)


def _with_dilated_layers(body: Body, extractor: Body) -> Body:
    """A model with the layers of timm's own feature extractor, where that alone takes an output stride."""
    for child, layer in extractor.named_children():
        if type(getattr(body, child, None)) is type(layer):
            setattr(body, child, layer)
    return body


def family(body: Body) -> str:
    """The module of timm that a model is from."""
    return type(body).__module__.rpartition(".")[2]


_measured: dict[str, list[tuple[segzoo.EncoderRequest, Measurement]]] = {}


def _measure_once(name: str, request: segzoo.EncoderRequest) -> Measurement:
    known = _measured.setdefault(name, [])
    for earlier, measurement in known:
        if earlier == request:
            return measurement
    with torch.device("meta"), torch.no_grad():
        measurement = _measure(name, request)
    known.append((request, measurement))
    return measurement


def _measure(name: str, request: segzoo.EncoderRequest) -> Measurement:
    body = _build_with_options(name, request)
    accepted = _constructor_arguments(type(body))
    arguments = {**{flag: value for flag, value in ANY_SIZE.items() if flag in accepted}, **request.options}
    native = (body.pretrained_cfg["input_size"][-2], body.pretrained_cfg["input_size"][-1])
    if request.img_size and "img_size" in accepted:
        native = arguments["img_size"] = request.img_size
    if request.output_stride:
        arguments["output_stride"] = request.output_stride
        body = _build_dilated(name, request, arguments)
    elif arguments != request.options:
        body = _build_sized(name, request, arguments)
    probes = [_Probe(body.eval(), layout) for layout in LAYOUTS]
    taken = (probe.measure_any_size() or probe.measure_fixed_size(native) for probe in probes)
    measured = next(((probe, found) for probe, found in zip(probes, taken, strict=True) if found), None)
    if not measured:
        raise _size_refused(name, request, native)
    probe, (channels, strides, input_spec) = measured
    if request.img_size and input_spec.fixed not in (None, request.img_size):
        raise _size_refused(name, request, native)
    return Measurement(arguments, channels, strides, input_spec, probe.layout, family(body) in COLOURS_ONLY)


def _build_with_options(name: str, request: segzoo.EncoderRequest) -> Body:
    for option in request.options:
        if option in SETTLED:
            raise segzoo.OptionError(f"timm's {option!r} is no encoder option here; use {SETTLED[option]}")
    try:
        return build(name, COLOURS, request.options)
    except Exception as error:
        if request.options and not isinstance(error, OSError):
            given = dict(request.options)
            raise segzoo.OptionError(f"timm's {name} can't be built with the options {given}: {error}") from error
        raise segzoo.CheckpointError(
            f"the description of {name!r} can't be read ({error}); check the connection or the path, or give the name "
            "of an architecture, see `segzoo encoders`"
        ) from error


def _build_dilated(name: str, request: segzoo.EncoderRequest, arguments: Mapping[str, Any]) -> Body:
    try:
        return build(name, COLOURS, arguments)
    except Exception as error:  # many architectures don't know the word, and some that do refuse the number
        raise segzoo.NegotiationError(
            f"timm's {name} can't be dilated to stride {request.output_stride} ({error})"
        ) from error


def _build_sized(name: str, request: segzoo.EncoderRequest, arguments: Mapping[str, Any]) -> Body:
    try:
        return build(name, COLOURS, arguments)
    except Exception as error:
        if request.img_size:
            raise _size_refused(name, request, request.img_size) from error
        raise


def _size_refused(name: str, request: segzoo.EncoderRequest, native: tuple[int, int]) -> segzoo.SegzooError:
    if not request.img_size:
        return segzoo.ContractError(f"timm's {name} doesn't run at its own size, {native[0]}x{native[1]}")
    own = _measure_once(name, replace(request, img_size=None, output_stride=None)).input_spec
    return segzoo.OptionError(
        f"timm's {name} can't be built for img_size={request.img_size}; without img_size it takes {own.describe()}"
    )


def _constructor_arguments(kind: type) -> set[str]:
    """What a class takes, and its bases as far as it hands arguments on to them."""
    names: set[str] = set()
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters  # type: ignore[misc]
        names |= set(parameters)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return names


@dataclass(frozen=True)
class _Probe:
    """Forwards of a model on the meta device."""

    body: Body
    layout: Layout

    def shapes(self, height: int, width: int) -> list[torch.Size] | None:
        """Of all maps, or None where the architecture doesn't take that size."""
        image = torch.empty(1, COLOURS, height, width, device="meta")
        try:
            maps = extract(self.body, image, range(len(self.body.feature_info)), self.layout)
        except Exception:  # an architecture refuses a size in as many ways as it has layers
            return None
        shapes = [each.shape for each in maps]
        return shapes if all(min(shape) > 0 for shape in shapes) else None

    def takes(self, height: int, width: int, channels: Sequence[int]) -> bool:
        """Whether maps of those channels come out; reshaping tokens into a wrong grid gives others."""
        shapes = self.shapes(height, width)
        return shapes is not None and [shape[1] for shape in shapes] == list(channels)

    def grows_evenly(self, strides: Sequence[int], multiple: int) -> bool:
        """Whether one step more of the image is one step more of each map; some stretch a map to an even number."""
        step = math.lcm(*strides, multiple)
        height = 2 * step * math.ceil(AMPLE / (2 * step))
        shapes = self.shapes(height, height + step) or ()
        return [shape[-1] - shape[-2] for shape in shapes] == [step // stride for stride in strides]

    def measure_any_size(self) -> tuple[tuple[int, ...], tuple[int, ...], segzoo.InputSpec] | None:
        """Channels, strides and sizes of an architecture that takes all multiples of some number; None for another.

        Strides are read off one rectangle whose width minus height is a multiple of each of them: whatever padding and
        rounding do at the borders then cancels.
        """
        patches = {info["reduction"] for info in self.body.feature_info}
        multiples = {*MULTIPLES, *patches, *(POOLED * patch for patch in patches)}
        step = math.lcm(*multiples)
        ample = step * math.ceil(AMPLE / step)
        shapes = self.shapes(ample, 2 * ample) or ()
        grown = [shape[-1] - shape[-2] for shape in shapes]
        if not shapes or not all(cells > 0 and ample % cells == 0 for cells in grown):
            return None
        channels, strides = tuple(shape[1] for shape in shapes), tuple(ample // cells for cells in grown)
        for multiple in sorted(multiples):
            sizes = [(_odd(height, multiple), _odd(width, multiple)) for height, width in ODD_SIZES]
            if all(self.takes(*size, channels) for size in sizes) and self.grows_evenly(strides, multiple):
                return channels, strides, segzoo.InputSpec(multiple, self._minimum(multiple, channels))
        return None

    def measure_fixed_size(
        self, native: tuple[int, int]
    ) -> tuple[tuple[int, ...], tuple[int, ...], segzoo.InputSpec] | None:
        """Of an architecture that takes one size; None if it doesn't run at that one either."""
        shapes = self.shapes(*native)
        if not shapes:
            return None
        strides = tuple(
            _stride_of_grid(native[0], shape[-2], info["reduction"])
            for shape, info in zip(shapes, self.body.feature_info, strict=True)
        )
        return tuple(shape[1] for shape in shapes), strides, segzoo.InputSpec(fixed=native)

    def _minimum(self, multiple: int, channels: Sequence[int]) -> int:
        """The smallest side that runs, in pixels before padding."""
        enough = 1
        while not self.takes(enough * multiple, enough * multiple, channels):
            enough *= 2
        too_few = enough // 2
        while enough - too_few > 1:
            middle = (enough + too_few) // 2
            if self.takes(middle * multiple, middle * multiple, channels):
                enough = middle
            else:
                too_few = middle
        return (enough - 1) * multiple + 1


def _stride_of_grid(side: int, cells: int, declared: int) -> int:
    """Pixels per cell: as declared where the grid confirms it to the cell, since 64 gives 4 cells of 224 pixels too."""
    return declared if abs(side / declared - cells) <= 1 else round(side / cells)


def _odd(length: int, multiple: int) -> int:
    units = math.ceil(length / multiple)
    return (units + 1 - units % 2) * multiple


def _largest(measured: Measurement, indices: Sequence[int]) -> int:
    return max(measured.strides[index] for index in indices)


def _take(name: str, strides: Sequence[int], depth: int | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which maps are taken, and the stages at which they stand.

    A pyramid gives the maps down to the depth asked for, an encoder of one resolution as many blocks as there are
    stages from 2 to that depth. Of a run of equal strides, such as a plain transformer's blocks, evenly spaced ones
    are taken that end with the last.

    :raises OptionError: for a depth that the architecture doesn't have.
    """
    runs = [tuple(run) for _, run in groupby(range(len(strides)), key=strides.__getitem__)]
    indices, stages = _spaced(strides, runs)
    own, least = stages[-1], max(1, stages[0]) if len(runs) > 1 else 1
    if depth is None or depth == own:
        return indices, stages
    if depth not in range(least, own):
        raise segzoo.OptionError(
            f"timm's {name} has no depth {depth!r}: give one from {least} to {own}; its maps have the strides "
            f"{tuple(strides[index] for index in indices)} and stand at stages {stages}"
        )
    if len(runs) == 1:
        return _spaced(strides, runs, deepest=depth)
    kept = sum(stage <= depth for stage in stages)
    return indices[:kept], stages[:kept]


def _spaced(
    strides: Sequence[int], runs: Sequence[Sequence[int]], deepest: int | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Evenly spaced entries of each run, at most four and as many as have room, and their stages."""
    most = MAPS_OF_ONE_RESOLUTION if deepest is None else max(1, deepest - 1)
    counts = [min(len(run), most) for run in runs]
    while True:
        indices = [
            run[(i + 1) * len(run) // count - 1] for run, count in zip(runs, counts, strict=True) for i in range(count)
        ]
        taken = [strides[index] for index in indices]
        with suppress(segzoo.OptionError):  # no room
            stages = segzoo.place_stages(taken, deepest)
            if stages[0] > 0 or taken[0] == 1:  # only what has the image's resolution stands in its place
                return tuple(indices), stages
        counts[counts.index(max(counts))] -= 1


def _token_channels(
    name: str, request: segzoo.EncoderRequest, measured: Measurement, indices: Sequence[int]
) -> tuple[int, ...]:
    """Channels of the class token at each of some features.

    :raises NegotiationError: when the architecture has no class token.
    """
    height, width = measured.input_spec.fixed or measured.input_spec.padded((AMPLE, AMPLE))
    with torch.device("meta"), torch.no_grad():
        body = build(name, COLOURS, measured.arguments).eval()
        channels = class_token_channels(body, torch.empty(1, COLOURS, height, width), indices)
    if not channels:
        raise segzoo.NegotiationError(f"timm's {name} has no class token")
    return channels
