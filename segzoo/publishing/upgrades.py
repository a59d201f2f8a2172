"""From a format of `config.json` to the next. This file imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from segzoo.distributions import NAMESPACE

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


def call_interpolation_upsample(config: dict[str, Any]) -> dict[str, Any]:
    """Format 2: the option `interpolation` of segzoo's own decoders is `upsample`, since some learn how."""
    arguments, plan = config.get("arguments"), config.get("plan")
    if not isinstance(arguments, dict) or not str(arguments.get("decoder")).startswith(f"{NAMESPACE}:"):
        return config
    return {**config, "arguments": _renamed(arguments), "plan": _renamed(plan)}


def _renamed(holder: Any) -> Any:
    options = holder.get("decoder_options") if isinstance(holder, dict) else None
    if not isinstance(options, dict):
        return holder
    renamed = {"upsample" if name == "interpolation" else name: value for name, value in options.items()}
    return {**holder, "decoder_options": renamed}


UPGRADES: Mapping[int, Upgrade] = {1: call_interpolation_upsample}
"""By format, the function that turns a config into the next format."""
