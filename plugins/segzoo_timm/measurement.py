"""All maps of an architecture, measured on the meta device: nothing that timm declares is believed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

import segzoo
from segzoo_timm.building import build, family
from segzoo_timm.extraction import Body, Layout, drivable_blocks
from segzoo_timm.probe import COLOURS, Maps, Probe
from segzoo_timm.quirks import COLOURS_ONLY

ANY_SIZE = {"dynamic_img_size": True, "strict_img_size": False}  # timm's words for it
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
    """What an architecture is, as it was asked for.

    :param arguments: for timm's `create_model`.
    :param layout: how the model is asked for its maps.
    :param colours_only: whether it takes three channels only.
    :param blocks: how many a decoder could drive.
    """

    arguments: Mapping[str, Any]
    maps: Maps
    layout: Layout
    colours_only: bool
    blocks: int


_measured: dict[str, list[tuple[segzoo.EncoderRequest, Measurement]]] = {}


def measure(name: str, request: segzoo.EncoderRequest) -> Measurement:
    """Measure an architecture, once for each request in the life of the process.

    :param request: of which only image size, output stride and options matter.
    :raises OptionError: for a size or option that the architecture doesn't have.
    :raises NegotiationError: when it can't be dilated as wished.
    :raises CheckpointError: when the name is a hub's or a folder's, and it can't be read.
    """
    request = replace(
        request, in_channels=COLOURS, depth=None, prefix=None, tokens=None
    )  # maps and sizes don't depend on these
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
    body.eval()
    for layout in LAYOUTS:
        probe = Probe(body, layout)
        if maps := probe.maps_at_any_size() or probe.maps_at(*native):
            break
    else:
        raise _size_refused(name, request, native)
    if request.img_size and maps.input_spec.fixed not in (None, request.img_size):
        raise _size_refused(name, request, native)
    return Measurement(arguments, maps, layout, family(body) in COLOURS_ONLY, drivable_blocks(body))


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
            f"timm's {name} can't be dilated to stride {request.output_stride}: timm makes no such variant"
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
    own = measure(name, replace(request, img_size=None, output_stride=None)).maps.input_spec
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
