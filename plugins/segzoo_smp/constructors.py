"""SMP's constructors: their signatures, and what a call of one comes to."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import Any

import segzoo
from segzoo_smp.architectures import ARCHITECTURES
from segzoo_smp.encoders import is_timm
from segzoo_smp.translation import COMMON, FORMER, translate

WEIGHTS = "imagenet"
"""With which SMP's encoders begin by default."""
LAST = ("in_channels", "classes", "activation", "upsampling", "aux_params")
"""The arguments at the end, in SMP's order."""


def signature(name: str) -> Signature:
    """One architecture's, by the name of SMP's class."""
    architecture = ARCHITECTURES[name]
    defaults = {
        **COMMON,
        "encoder_weights": WEIGHTS,
        "encoder_depth": architecture.depth,
        **architecture.defaults,
    }
    first = architecture.first
    between = [argument for argument in architecture.defaults if argument not in (*first, *LAST)]
    order = [*first, *between, *(argument for argument in LAST if argument in defaults)]
    return Signature(
        [
            *(Parameter(each, Parameter.POSITIONAL_OR_KEYWORD, default=defaults[each]) for each in order),
            Parameter("kwargs", Parameter.VAR_KEYWORD),
        ]
    )


def published(encoder: str, weights: str) -> str:
    """The hub id of weights that SMP publishes.

    :param weights: SMP's name of them, such as "imagenet+background".
    """
    return f"smp-hub/{encoder}.{weights.replace('+', '-')}"


def construct(name: str, given: Mapping[str, Any]) -> segzoo.Construction:
    """What a call comes to, but for `activation` and `aux_params`, which are the caller's.

    :param name: of SMP's class.
    :param given: its arguments.
    :raises CheckpointError: for what segzoo has no counterpart of.
    """
    for former in FORMER.keys() & given.keys():
        warnings.warn(f"{former} is called {FORMER[former]} by now", DeprecationWarning, stacklevel=5)
    defaults = {each.name: each.default for each in signature(name).parameters.values()}
    encoder, weights = (given.get(each, defaults[each]) for each in ("encoder_name", "encoder_weights"))
    stated = {argument: value for argument, value in given.items() if argument not in ("activation", "aux_params")}
    translation = translate({**stated, "architecture": name})
    return segzoo.Construction(
        arguments={**translation.arguments, "pretrained": weights is not None and is_timm(encoder)},
        rename=translation.rename,
        encoder_weights=(None if weights is None or is_timm(encoder) else published(encoder, weights)),
        preprocessing=translation.preprocessing,
        losses=translation.losses,
    )
