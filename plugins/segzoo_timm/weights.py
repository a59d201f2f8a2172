"""Weights for a timm model: timm loads and adapts them, and what it would pass over in silence is an error here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import segzoo
import timm
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from segzoo_timm.encoder import TimmEncoder
from segzoo_timm.survey import Survey, build

OWN_PREFIX = "body."  # of the names in a TimmEncoder's state dict


def build_with_weights(name: str, in_channels: int, found: Survey, pretrained: segzoo.Pretrained) -> nn.Module:
    """The model with its published weights, or those of a file, all layers included.

    timm resizes position embeddings and adapts the first convolution to the number of channels.

    :raises CheckpointError: when the weights can't be had, or are another architecture's.
    """
    if pretrained is True:
        source = f"timm's published weights of {name}"
        overlay: dict[str, Any] = {}
        advice = (
            "check the connection to the hub, give a file (pretrained='path/to/file.safetensors'), or pretrained=False"
        )
    else:
        source = f"{str(pretrained)!r}"
        overlay = _overlay(source, name, in_channels, found, segzoo.read_weights(Path(str(pretrained))))
        advice = f"expected the state dict of timm.create_model({name!r}), with or without its classifier"
    try:
        with _Copies() as copies:
            body = build(name, in_channels, found.arguments, pretrained=True, pretrained_cfg_overlay=overlay)
    except Exception as error:  # of the hub, of the network, of timm's conversions, of shapes that differ
        raise segzoo.CheckpointError(f"{source} can't be loaded into timm's {name}: {error}; {advice}") from error
    body.pretrained_cfg.pop("state_dict", None)  # timm keeps what it loaded from
    missing = [key for key, tensor in body.state_dict(keep_vars=True).items() if not copies.reached(tensor)]
    lacking = sorted(set(missing) & set(_names(name, in_channels, found, pruned=True)))
    if lacking:
        raise segzoo.CheckpointError(
            f"{source} doesn't fill timm's {name} with in_channels={in_channels}: {_some(lacking)} missing or not to be "
            f"adapted; {advice}"
        )
    return body


class _Copies(TorchFunctionMode):
    """Notes the tensors that another is copied into, which is how a state dict is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self._targets: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.copy_:
            self._targets[id(args[0])] = args[0]
        return func(*args, **(kwargs or {}))

    def reached(self, tensor: Tensor) -> bool:
        return id(tensor) in self._targets


def _overlay(
    source: str, name: str, in_channels: int, found: Survey, weights: dict[str, Tensor]
) -> dict[str, Any]:
    """What makes timm load these tensors instead of its own."""
    weights = {key.removeprefix("module.").removeprefix(OWN_PREFIX): tensor for key, tensor in weights.items()}
    own = _names(name, in_channels, found)
    with torch.device("meta"):
        classifier = timm.create_model(name, in_chans=in_channels, **found.arguments).state_dict().keys() - own.keys()
    weights = {key: tensor for key, tensor in weights.items() if key not in classifier}
    return {"state_dict": weights, "source": ""}


def _names(name: str, in_channels: int, found: Survey, pruned: bool = False) -> Mapping[str, Tensor]:
    """A model's state dict on the meta device."""
    with torch.device("meta"):
        body = build(name, in_channels, found.arguments)
        if pruned:
            body = TimmEncoder(body, found, segzoo.Preprocessing()).body
        return body.state_dict()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
