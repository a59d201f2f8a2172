"""Parameters in groups, as optimisers take them: each part of a model at its own rate, and decay where it helps."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from torch import nn

from segzoo.errors import OptionError, TrainingError

ENCODER = "encoder."
NORMS = (nn.LayerNorm, nn.RMSNorm)  # those whose weights may have several dimensions


class Place(NamedTuple):
    """Where a parameter belongs.

    :param layer: of the encoder, counted from the image; None where layers don't differ, or behind the encoder.
    """

    encoder: bool
    layer: int | None
    decayed: bool

    def __str__(self) -> str:
        part = "encoder" if self.encoder else "decoder"
        layer = "" if self.layer is None else f" layer {self.layer}"
        return part + layer + ("" if self.decayed else " without decay")


def parameter_groups(
    model: nn.Module,
    lr: float,
    *,
    encoder_rate: float = 0.1,
    weight_decay: float = 0.01,
    layer_decay: float | None = None,
) -> list[dict[str, Any]]:
    """See `SegmentationModel.parameter_groups`.

    :param model: with an `encoder`; its `no_weight_decay` and `group_matcher` say what timm's do.
    """
    _check(lr, encoder_rate, weight_decay, layer_decay)
    layers = _layers(model) if layer_decay is not None else {}
    last = max(layers.values(), default=0)
    harmed = _harmed_by_decay(model)
    groups: dict[Place, dict[str, Any]] = {}
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        encoder = name.startswith(ENCODER)
        place = Place(encoder, layers.get(name) if encoder else None, name not in harmed)
        if place not in groups:
            rate = lr * (encoder_rate if encoder else 1.0)
            if layer_decay is not None and place.layer is not None:
                rate *= layer_decay ** (last - place.layer)
            groups[place] = {
                "name": str(place),
                "params": [],
                "lr": rate,
                "weight_decay": weight_decay if place.decayed else 0.0,
            }
        groups[place]["params"].append(weight)
    if not groups:
        raise TrainingError(
            "every parameter is frozen, there is nothing to train: call model.unfreeze_encoder(), or requires_grad_() "
            "of what is to learn"
        )
    return list(groups.values())


def _layers(model: nn.Module) -> dict[str, int]:
    """The layer of each parameter, as timm counts them: the encoder's from the image on, what follows it the last."""
    from timm.models import group_parameters

    matcher: Any = model.group_matcher
    return group_parameters(model, matcher(coarse=False), reverse=True)


def _harmed_by_decay(model: nn.Module) -> set[str]:
    """Names of norms, biases and all else that has one dimension or none, and of what the model says itself."""
    own: Any = model.no_weight_decay
    patterns = own()
    norms = {f"{name}." for name, module in model.named_modules() if isinstance(module, NORMS)}
    return {
        name
        for name, weight in model.named_parameters()
        if weight.ndim <= 1
        or name.endswith("bias")
        or name.removesuffix(name.rpartition(".")[2]) in norms
        or any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def _check(lr: float, encoder_rate: float, weight_decay: float, layer_decay: float | None) -> None:
    if not lr > 0 or not encoder_rate > 0 or not weight_decay >= 0:
        raise OptionError(
            "expected lr and encoder_rate above 0 (model.freeze_encoder() keeps an encoder as it is) and weight_decay "
            f"from 0, got {lr=}, {encoder_rate=}, {weight_decay=}"
        )
    if layer_decay is not None and not 0 < layer_decay <= 1:
        raise OptionError(f"expected layer_decay above 0 and up to 1, or None, got {layer_decay!r}")
