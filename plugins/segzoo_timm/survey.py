"""What an architecture offers, measured on the meta device: nothing that timm declares is believed."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import segzoo
import timm
import torch
from torch import Tensor, nn

from segzoo_timm.extraction import Layout, extract, extract_with_class_token

MAPS_OF_ONE_RESOLUTION = 4  # as many as a pyramid has
ANY_SIZE = {"dynamic_img_size": True, "strict_img_size": False}  # timm's ways to ask for it
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
ODD_SIZES = ((97, 131), (131, 97), (259, 197))  # pixels, rounded up to odd numbers of a multiple
AMPLE = 256  # pixels: more than any architecture needs
LAYOUTS: tuple[Layout, ...] = ("NCHW", "NLC")


@dataclass(frozen=True)
class Measurement:
    """All maps of an architecture, and the sizes that it takes.

    :param arguments: for timm's `create_model`.
    :param channels: of each entry of timm's `feature_info`.
    :param strides: likewise.
    :param layout: how the model is asked for its maps.
    """

    arguments: Mapping[str, Any]
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    input_spec: segzoo.InputSpec
    layout: Layout


@dataclass(frozen=True)
class Survey:
    """What an encoder is built from.

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


_measurements: dict[str, Measurement] = {}


def survey(name: str, request: segzoo.EncoderRequest) -> Survey:
    """Find out how to build an encoder.

    :raises OptionError: for a depth, size or option that the architecture doesn't have.
    :raises NegotiationError: for a wish that it can't grant.
    """
    measured = _measure_once(name, replace(request, depth=None, output_stride=None, prefix=None))
    indices, stages = _choose(name, measured.strides, request.depth)
    if request.output_stride and max(measured.strides[index] for index in indices) > request.output_stride:
        measured = _measure_once(name, replace(request, depth=None, prefix=None))
        indices, stages = _choose(name, measured.strides, request.depth)
    channels = {stage: measured.channels[index] for stage, index in zip(stages, indices, strict=True)}
    if request.prefix:
        token_channels = _class_token_channels(name, request, measured, indices)
        channels = {stage: count + token_channels for stage, count in channels.items()}
    strides = {stage: measured.strides[index] for stage, index in zip(stages, indices, strict=True)}
    entries = range(stages[-1] + 1)
    return Survey(
        measured.arguments,
        indices,
        stages,
        segzoo.FeatureSpec(
            tuple(channels.get(entry, 0 if entry else request.in_channels) for entry in entries),
            tuple(strides.get(entry, 2**entry) for entry in entries),
        ),
        measured.input_spec,
        measured.layout,
        class_token=request.prefix is not None,
    )


def build(name: str, in_channels: int, arguments: Mapping[str, Any], **more: Any) -> nn.Module:
    """timm's model, without a classifier."""
    return timm.create_model(name, in_chans=in_channels, num_classes=0, **arguments, **more)


def _measure_once(name: str, request: segzoo.EncoderRequest) -> Measurement:
    key = repr((name, request))
    if key not in _measurements:
        with torch.device("meta"), torch.no_grad():
            _measurements[key] = _measure(name, request)
    return _measurements[key]


def _measure(name: str, request: segzoo.EncoderRequest) -> Measurement:
    body = _build_or_refuse(name, request)
    accepted = _constructor_arguments(type(body))
    arguments = {flag: value for flag, value in ANY_SIZE.items() if flag in accepted}
    native: tuple[int, int] = tuple(body.pretrained_cfg["input_size"][-2:])
    if request.img_size and "img_size" in accepted:
        native = arguments["img_size"] = request.img_size
    if arguments or request.output_stride:
        body = _build_or_refuse(name, request, arguments)
    probe = _Probe.of(body, request.in_channels, native)
    if not probe:
        raise _refused_size(name, request, native)
    measured = probe.measure_any_size() or probe.measure_fixed_size(native)
    if request.img_size and measured[-1].fixed not in (None, request.img_size):
        raise _refused_size(name, request, native)
    if request.output_stride:
        arguments["output_stride"] = request.output_stride
    return Measurement({**request.options, **arguments}, *measured, layout=probe.layout)


def _refused_size(name: str, request: segzoo.EncoderRequest, native: tuple[int, int]) -> segzoo.SegzooError:
    if request.img_size:
        height, width = request.img_size
        return segzoo.OptionError(
            f"timm's {name} can't be built for img_size={height}x{width}; leave img_size out, and images of any size are "
            "resized for it"
        )
    return segzoo.ContractError(f"timm's {name} does not run at its own size, {native[0]}x{native[1]}")


def _build_or_refuse(
    name: str, request: segzoo.EncoderRequest, arguments: Mapping[str, Any] | None = None
) -> nn.Module:
    """The model, or an error that says which part of the request timm refuses."""
    arguments = {**request.options, **(arguments or {})}
    if request.output_stride:
        try:
            return build(name, request.in_channels, {**arguments, "output_stride": request.output_stride})
        except Exception as error:  # not every architecture knows the word, and not every one that does can
            raise segzoo.NegotiationError(f"timm's {name} can't be dilated to stride {request.output_stride}: {error}") from error
    return build(name, request.in_channels, arguments)


def _constructor_arguments(kind: type) -> set[str]:
    """What the class takes, its bases included as far as it hands arguments on to them."""
    names: set[str] = set()
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters
        names |= set(parameters)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return names


@dataclass
class _Probe:
    """Forwards of a model on the meta device."""

    body: nn.Module
    in_channels: int
    layout: Layout

    @classmethod
    def of(cls, body: nn.Module, in_channels: int, native: tuple[int, int]) -> _Probe | None:
        """A probe that asks for maps where that works at the native size, else for tokens; None if neither does."""
        probes = (cls(body.eval(), in_channels, layout) for layout in LAYOUTS)
        return next((probe for probe in probes if probe.shapes(*native)), None)

    def shapes(self, height: int, width: int) -> list[torch.Size] | None:
        """Shapes of all maps, or None where the architecture doesn't take that size."""
        image = torch.empty(1, self.in_channels, height, width, device="meta")
        try:
            maps = extract(self.body, image, range(len(self.body.feature_info)), self.layout)
        except Exception:  # an architecture refuses a size in as many ways as it has layers
            return None
        shapes = [each.shape for each in maps]
        return shapes if all(min(shape) > 0 for shape in shapes) else None

    def channels_and_strides(self, height: int, width: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Of each map, from one rectangle.

        Width minus height is to be a multiple of every stride: whatever padding and rounding do at a border then
        cancels. None where that size isn't taken, or the maps don't grow with the image.
        """
        shapes = self.shapes(height, width)
        grown = [shape[-1] - shape[-2] for shape in shapes or ()]
        if not shapes or not all(cells > 0 and (width - height) % cells == 0 for cells in grown):
            return None
        return tuple(shape[1] for shape in shapes), tuple((width - height) // cells for cells in grown)

    def measure_any_size(self) -> tuple[tuple[int, ...], tuple[int, ...], segzoo.InputSpec] | None:
        """Channels, strides and sizes of an architecture that takes all multiples of some number."""
        patches = {info["reduction"] for info in self.body.feature_info}
        step = math.lcm(*MULTIPLES, *patches)
        ample = step * math.ceil(AMPLE / step)
        measured = self.channels_and_strides(ample, 2 * ample)
        if not measured:
            return None
        for multiple in sorted({*MULTIPLES, *patches}):
            sizes = [(_odd(height, multiple), _odd(width, multiple)) for height, width in ODD_SIZES]
            if all(self.shapes(*size) and self.channels_and_strides(size[0], size[0] + step) == measured for size in sizes):
                return (*measured, segzoo.InputSpec(multiple, self._minimum(multiple)))
        return None

    def measure_fixed_size(self, native: tuple[int, int]) -> tuple[tuple[int, ...], tuple[int, ...], segzoo.InputSpec]:
        """Channels and strides of an architecture that takes one size."""
        shapes = self.shapes(*native) or ()
        strides = tuple(_fixed_stride(native, (shape[-2], shape[-1])) for shape in shapes)
        return tuple(shape[1] for shape in shapes), strides, segzoo.InputSpec(fixed=native)

    def _minimum(self, multiple: int) -> int:
        """The smallest side that runs, in pixels before padding."""
        enough = 1
        while not self.shapes(enough * multiple, enough * multiple):
            enough *= 2
        too_few = enough // 2
        while enough - too_few > 1:
            middle = (enough + too_few) // 2
            if self.shapes(middle * multiple, middle * multiple):
                enough = middle
            else:
                too_few = middle
        return (enough - 1) * multiple + 1


def _fixed_stride(image: tuple[int, int], grid: tuple[int, int]) -> int:
    """The stride whose grid that is, a power of two if possible: 14x14 of 224x224 is 16, and so is 4x4 64."""
    least = max(math.ceil(image[0] / grid[0]), math.ceil(image[1] / grid[1]))
    power = 2 ** math.ceil(math.log2(least))
    return power if segzoo.grid_size(image, power) == grid else least


def _odd(length: int, multiple: int) -> int:
    units = math.ceil(length / multiple)
    return (units + 1 - units % 2) * multiple


def _choose(name: str, strides: Sequence[int], depth: int | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which maps to take, and where they stand."""
    run = sum(1 for _ in _trailing(strides))
    one_resolution = run == len(strides)
    finer = tuple(range(len(strides) - run))
    if one_resolution:
        indices = _evenly_spaced(run, MAPS_OF_ONE_RESOLUTION)
        stages = segzoo.place_stages([strides[index] for index in indices])
        own = stages[-1]
        if depth is not None and depth <= own:
            indices = _evenly_spaced(run, min(max(depth - 1, 1), len(indices)))
            stages = segzoo.place_stages([strides[index] for index in indices], depth)
    else:
        last = _evenly_spaced(run, MAPS_OF_ONE_RESOLUTION) if run > MAPS_OF_ONE_RESOLUTION else tuple(range(run))
        indices = (*finer, *(len(finer) + index for index in last))
        stages = segzoo.place_stages([strides[index] for index in indices])
        own = stages[-1]
        if depth is not None and depth <= own:
            kept = sum(stage <= depth for stage in stages)
            indices, stages = indices[:kept], stages[:kept]
    if depth is not None and (depth > own or not indices or stages[-1] == 0):
        raise segzoo.OptionError("depth")
    return indices, stages


def _trailing(strides: Sequence[int]) -> Iterator[int]:
    for stride in reversed(strides):
        if stride != strides[-1]:
            return
        yield stride


def _evenly_spaced(count: int, wanted: int) -> tuple[int, ...]:
    wanted = min(count, wanted)
    return tuple((i + 1) * count // wanted - 1 for i in range(wanted))


def _class_token_channels(*_: Any) -> int:
    return 0
