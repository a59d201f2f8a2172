"""Holding a declared spec against a forward on the meta device: no arithmetic, no memory, no belief."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from segzoo.contract import FeatureSpec, InputSpec
from segzoo.errors import ContractError
from segzoo.modes import evaluating

LEAST_PROBE = 64  # pixels: room for the deepest stage of an ordinary encoder


def probe_image(spec: FeatureSpec, input_spec: InputSpec, in_channels: int) -> Tensor:
    """A rectangular image on the meta device, so shaped that every stride can be read off one forward.

    Width minus height is a multiple of every stride, a neck's included: the difference of a map's sides is then exact,
    whatever a padding or rounding adds to both.
    """
    step = math.lcm(*spec.strides, 2**spec.depth, input_spec.multiple)
    height = math.ceil(max(LEAST_PROBE, input_spec.minimum, *spec.strides) / input_spec.multiple) * input_spec.multiple
    return torch.empty(1, in_channels, height, height + step, device="meta")


def call_on_meta(module: nn.Module, *inputs: Any) -> Any:
    """`module(*inputs)` in eval mode on the meta device, wherever its weights are."""
    weights = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    on_meta = {name: weight.detach().to("meta") for name, weight in weights.items()}
    with evaluating(module), torch.device("meta"), torch.no_grad():
        # tying weights would swap those of a module that has two names twice, and not restore them
        return torch.func.functional_call(module, on_meta, inputs, tie_weights=False)


def call_for_shapes(encoder: nn.Module, image: Tensor) -> Any:
    """`encoder(image)` on the meta device, or where the encoder is, if it holds tensors that can't leave there.

    :param image: on the meta device; it stands itself where the encoder returns what it was given.
    """
    try:
        return call_on_meta(encoder, image)
    except RuntimeError:
        weight = next(encoder.parameters(), image)
        if weight.is_meta:
            raise
        with evaluating(encoder), torch.no_grad():
            given = torch.zeros(image.shape, dtype=weight.dtype, device=weight.device)
            features = encoder(given)
        if not isinstance(features, Sequence):
            return features
        return [image if feature is given else feature for feature in features]


def verify_features(who: str, spec: FeatureSpec, image: Tensor, features: Any) -> None:
    """Hold a feature list against its spec.

    :param who: whose list it is, for the message.
    :param image: what `probe_image` gave.
    :raises ContractError: naming the stage, what was declared and what was measured.
    """
    misplaced = [i for i in range(len(spec)) if spec.is_placeholder(i) and spec.strides[i] != 2**i]
    if spec.strides[0] != 1 or misplaced:
        raise ContractError(
            f"{who} declares strides {spec.strides} and channels {spec.channels}; entry 0 stands at stride 1, and a "
            "placeholder at 2**stage"
        )
    if not isinstance(features, Sequence) or len(features) != len(spec):
        count = len(features) if isinstance(features, Sequence) else type(features).__name__
        raise ContractError(f"{who} declares a list of {len(spec)} maps, and its forward returned {count}")
    for stage, (channels, stride) in enumerate(zip(spec.channels, spec.strides, strict=True)):
        declared = f"{who}, stage {stage}: declared {channels} channels at stride {stride}"
        feature = features[stage]
        if not isinstance(feature, Tensor) or feature.ndim != 4:
            what = f"shape {tuple(feature.shape)}" if isinstance(feature, Tensor) else type(feature).__name__
            raise ContractError(f"{declared}, a map (B, C, H, W); measured {what}")
        measured = (feature.shape[1], _stride(image, feature))
        exact = channels == 0 or stage == 0  # a placeholder or the image: nothing computes these, so no border is lost
        size = spec.size(stage, (image.shape[-2], image.shape[-1]))
        if measured != (channels, stride) or feature.shape[0] != image.shape[0]:
            raise ContractError(
                f"{declared}; measured {measured[0]} channels at stride {measured[1]} "
                f"(shape {tuple(feature.shape)} for an image {tuple(image.shape)})"
            )
        if exact and tuple(feature.shape[-2:]) != size:
            raise ContractError(f"{declared}, {size[0]}x{size[1]}; measured {feature.shape[-2]}x{feature.shape[-1]}")


def _stride(image: Tensor, feature: Tensor) -> float:
    """Image pixels per map pixel, from the differences of the sides; infinite where the map doesn't grow."""
    grown = feature.shape[-1] - feature.shape[-2]
    stride = (image.shape[-1] - image.shape[-2]) / grown if grown else math.inf
    return int(stride) if stride.is_integer() else round(stride, 2)


def count_parameters(module: nn.Module) -> int:
    """How many numbers a module learns or keeps fixed as parameters."""
    return sum(parameter.numel() for parameter in module.parameters())
