"""What is known of timm's architectures beforehand, so that listing them builds none.

`known.json` beside this file holds what was measured of each; `segzoo_timm.refresh` writes it anew. Families and
licences are read from timm itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from timm.models import (
    get_arch_pretrained_cfgs,
    get_pretrained_cfg,
    is_model,
    model_entrypoint,
    parse_model_name,
    split_model_name_tag,
)

import segzoo

FILE = Path(__file__).with_name("known.json")


@cache
def known_architectures() -> Mapping[str, Mapping[str, Any]]:
    """What the file holds, by the name of the architecture."""
    return json.loads(FILE.read_text())["architectures"] if FILE.exists() else {}


def known_facts(name: str) -> segzoo.EncoderFacts | None:
    """The facts of an architecture, tagged or not; None where they would have to be measured.

    :param name: as timm's `create_model` takes it.
    """
    origin, model = parse_model_name(name)
    architecture, tag = split_model_name_tag(model)
    known = known_architectures().get(architecture) if origin is None and _built_alike(architecture, tag) else None
    return with_family(segzoo.EncoderFacts.from_dict({"name": name, **known})) if known else None


def with_family(facts: segzoo.EncoderFacts) -> segzoo.EncoderFacts:
    """With what timm says of an architecture's family and weights; of a hub's or a folder's nothing is known."""
    origin, model = parse_model_name(facts.name)
    architecture, tag = split_model_name_tag(model)
    if origin is not None or not is_model(architecture):
        return facts
    family = model_entrypoint(architecture).__module__.rpartition(".")[2]
    return replace(facts, family=family, weights=_weights(architecture, tag))


def _built_alike(architecture: str, tag: str) -> bool:
    """Whether a tag's model is the architecture's own: another image size can mean other parameters."""
    if not tag:
        return True
    default, tagged = get_pretrained_cfg(architecture), get_pretrained_cfg(f"{architecture}.{tag}")
    return bool(default and tagged and default.input_size == tagged.input_size)


def _weights(architecture: str, tag: str) -> tuple[segzoo.PublishedWeights, ...]:
    """Those of one tag, or of all, timm's default first."""
    published = (
        segzoo.PublishedWeights(config.tag or "", config.license or "")
        for config in get_arch_pretrained_cfgs(architecture).values()
        if config.has_weights
    )
    return tuple(weights for weights in published if tag in ("", weights.tag))
