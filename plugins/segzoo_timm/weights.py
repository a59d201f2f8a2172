"""Weights for a timm model: timm loads them, and what it would pass over in silence is an error here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import takewhile
from os import PathLike
from typing import Any, Literal

import timm
import torch
from timm.models import adapt_input_conv
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import segzoo
from segzoo_timm.building import build, family
from segzoo_timm.extraction import Body
from segzoo_timm.quirks import CHANNELS_BEFORE_PIXELS
from segzoo_timm.survey import Survey
from segzoo_timm.tokens import encoder_of

WITHIN = {"encoder", "backbone"}
"""Before an encoder's names in a larger model."""
COLOURS = 3
PROJECTION = "colours.weight"  # of TimmEncoder: the layer before timm's model


def build_with_weights(
    name: str, in_channels: int, found: Survey, pretrained: Literal[True] | str | PathLike[str]
) -> Body:
    """The model with its published weights, or those of a file, all layers included.

    timm converts old names and resizes position embeddings. Weights for another number of channels are adapted as timm
    does it: summed for one channel, repeated and rescaled for more.

    :raises CheckpointError: when the weights can't be had, or are another architecture's.
    """
    twin = _on_meta(name, 3, found)
    channels, *size = twin.pretrained_cfg["input_size"]
    own = set(twin.state_dict())
    kept = set(encoder_of(twin, found, segzoo.Preprocessing()).body.state_dict())
    per_channel = _inputs_per_channel(name, found)
    if pretrained is True:
        origin, overlay = f"the published weights of {name}", {}
        advice = "check the connection, or give a local file (pretrained='weights.safetensors'), or pretrained=False"
    else:
        origin = f"{str(pretrained)!r}"
        advice = f"expected the state dict of timm.create_model({name!r}), with or without its classifier"
        weights = _backbone(origin, name, found, segzoo.read_weights(pretrained), own, kept)
        if embedding := next((key for key in per_channel if key in weights), None):
            channels = weights[embedding].shape[1] // per_channel[embedding]
        if channels > COLOURS and 1 < in_channels < channels:
            raise segzoo.CheckpointError(
                f"{origin} holds weights for {channels} channels, and in_channels={in_channels} would keep the first "
                f"{in_channels}; give in_channels={channels}, or a file whose {embedding} has the channels that are "
                "meant, in their order"
            )
        overlay = {"state_dict": weights, "source": "", "input_size": (channels, *size)}
    try:
        with _Copies() as copies:
            body = build(name, channels, found.arguments, pretrained=True, pretrained_cfg_overlay=overlay)
    except Exception as error:  # of the hub, of the network, of timm's conversions, of shapes that differ
        raise segzoo.CheckpointError(f"{origin} can't be loaded into timm's {name}: {error}; {advice}") from error
    body.pretrained_cfg.pop("state_dict", None)  # else the model would keep a second copy
    lacking = [key for key, tensor in body.state_dict(keep_vars=True).items() if key in kept and tensor not in copies]
    if lacking:
        raise segzoo.CheckpointError(f"{origin} lack {_some(lacking)} of timm's {name}; {advice}")
    return body if channels == in_channels else _with_channels(body, name, in_channels, found, channels, per_channel)


def load_projection(projection: nn.Conv2d, path: str | PathLike[str]) -> None:
    """Fill an encoder's projection to three colours from the encoder's own file; timm's files leave it as it is.

    :raises CheckpointError: for one of another number of channels.
    """
    weights = segzoo.unwrap_weights(segzoo.read_weights(path), roots({PROJECTION}))
    if PROJECTION not in weights:
        return
    saved, channels = weights[PROJECTION].shape[1], projection.weight.shape[1]
    if saved != channels:
        raise segzoo.CheckpointError(
            f"{str(path)!r} holds an encoder for {saved} channels, not for {channels}; give in_channels={saved}"
        )
    projection.load_state_dict({"weight": weights[PROJECTION]})


class _Copies(TorchFunctionMode):
    """Notes the tensors that others are copied into, which is how a state dict is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self._filled: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.copy_:
            self._filled[id(args[0])] = args[0]
        return func(*args, **(kwargs or {}))

    def __contains__(self, tensor: Tensor) -> bool:
        return id(tensor) in self._filled


def _on_meta(name: str, in_channels: int, found: Survey) -> Body:
    with torch.device("meta"):
        return build(name, in_channels, found.arguments)


def _backbone(
    origin: str, name: str, found: Survey, weights: Mapping[str, Tensor], own: set[str], kept: set[str]
) -> dict[str, Tensor]:
    """A file's weights by timm's names, without the classifier.

    :param own: the names of the architecture without its classifier.
    :param kept: those of the layers that are kept.
    :raises CheckpointError: for those of a deeper architecture, of which timm would load a part.
    """
    with torch.device("meta"):
        whole = timm.create_model(name).state_dict().keys()
    known = roots({*whole, PROJECTION} if found.colours_only else whole)
    named = segzoo.unwrap_weights(weights, known)
    if any(WITHIN.intersection(takewhile(lambda part: part not in known, key.split("."))) for key in weights):
        named = {key: tensor for key, tensor in named.items() if key.partition(".")[0] in known}
    named.pop(PROJECTION, None)
    backbone = {key: tensor for key, tensor in named.items() if key in own or key not in whole}
    if kept <= backbone.keys() and (more := backbone.keys() - own):
        raise segzoo.CheckpointError(
            f"{origin} holds more than timm's {name}: {_some(sorted(more))}; give its own weights"
        )
    return backbone


def roots(names: Collection[str]) -> set[str]:
    """The first components of some names."""
    return {name.partition(".")[0] for name in names}


def _inputs_per_channel(name: str, found: Survey) -> dict[str, int]:
    """The weights whose second axis grows with the image's channels, and by how much for each."""
    if found.colours_only:
        return {}
    one, two = (_on_meta(name, channels, found).state_dict() for channels in (1, 2))
    return {key: two[key].shape[1] - one[key].shape[1] for key in one if one[key].shape != two[key].shape}


def _with_channels(
    body: Body, name: str, in_channels: int, found: Survey, channels: int, per_channel: Mapping[str, int]
) -> Body:
    """The same model for another number of channels."""
    weights = body.state_dict()
    for key, inputs in per_channel.items():
        weights[key] = _adapt(weights[key], in_channels, channels, inputs, family(body) in CHANNELS_BEFORE_PIXELS)
    body = build(name, in_channels, found.arguments)
    body.load_state_dict(weights)
    return body


def _adapt(weight: Tensor, in_channels: int, channels: int, inputs: int, channels_first: bool) -> Tensor:
    """A weight (out, inputs per channel x channels, ...) for another number of channels."""
    out, _, *kernel = weight.shape
    axes = (channels, inputs) if channels_first else (inputs, channels)
    by_channel = weight.reshape(out, *axes, -1).movedim(2 - channels_first, 2)
    adapted = adapt_input_conv(in_channels, by_channel.reshape(out * inputs, channels, -1, 1), channels)
    adapted = adapted.reshape(out, inputs, in_channels, -1).movedim(2, 2 - channels_first)
    return adapted.reshape(out, inputs * in_channels, *kernel)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
