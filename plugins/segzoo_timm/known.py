"""What is known of timm's architectures beforehand, so that listing them builds none, and imports no timm.

`known.json` beside this file holds what was measured of each; `segzoo_timm.refresh` writes it anew. Families and
licences are the catalogue's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import segzoo
from segzoo_timm.catalogue import catalogue

FILE = Path(__file__).with_name("known.json")


@cache
def known_architectures() -> Mapping[str, Mapping[str, Any]]:
    """What the file holds, by the name of the architecture."""
    return json.loads(FILE.read_text())["architectures"] if FILE.exists() else {}


def known_facts(name: str) -> segzoo.EncoderFacts | None:
    """The facts of an architecture, tagged or not; None where they would have to be measured.

    :param name: as timm's `create_model` takes it.
    """
    architecture, _, tag = name.partition(".")
    known, entry = known_architectures().get(architecture), catalogue()["architectures"].get(architecture)
    if known is None or entry is None or tag in entry.get("other_size", ()):  # that can mean other parameters
        return None
    return with_family(segzoo.EncoderFacts.from_dict({"name": name, **known}))


def with_family(facts: segzoo.EncoderFacts) -> segzoo.EncoderFacts:
    """With what timm says of an architecture's family and weights; of a hub's or a folder's nothing is known."""
    architecture, _, tag = facts.name.partition(".")
    entry = catalogue()["architectures"].get(architecture)
    if entry is None:
        return facts
    weights = tuple(
        segzoo.PublishedWeights(each, license or "")
        for each, license in entry.get("weights", {}).items()
        if tag in ("", each)
    )
    return replace(facts, family=entry["family"], weights=weights)
