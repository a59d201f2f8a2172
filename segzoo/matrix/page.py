"""The matrix as one static HTML page: its data stand in it once each, the browser draws the table."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from importlib.resources import files
from itertools import islice
from typing import Any

SLOT = "{{ matrix }}"


def page_of(matrix: Mapping[str, Any]) -> str:
    """The page's text: no other file, font, script or network is needed to show it.

    :param matrix: as `Matrix.to_dict` describes it.
    """
    data = json.dumps(_compact(matrix), separators=(",", ":")).replace("<", "\\u003c")  # no tag can end the script
    return files(__package__).joinpath("page.html").read_text("utf-8").replace(SLOT, data)


def _compact(matrix: Mapping[str, Any]) -> dict[str, Any]:
    """Every text, stage list and list of roles once; a pair refers to them by number."""
    texts, features, roles = _Once(), _Once(), _Once()

    def compact(pair: Mapping[str, Any]) -> list[Any]:
        return [
            pair["outcome"],
            pair["parameters"],
            [texts.number(granted) for granted in pair["granted"]],
            [[fallback["kind"], texts.number(fallback["detail"])] for fallback in pair["fallbacks"]],
            [texts.number(note) for note in pair["notes"]],
            texts.number(pair["reason"]),
            features.number(
                tuple((row["stage"], row["stride"], row["channels"], row["origin"]) for row in pair["stages"])
            ),
            roles.number(tuple(row["role"] or "" for row in pair["stages"])),
        ]

    pairs = iter(matrix["pairs"])  # encoder by encoder
    return {
        "size": matrix["size"],
        "versions": matrix["versions"],
        "decoders": matrix["decoders"],
        "encoders": [
            [
                checked["name"],
                checked["family"],
                checked["parameters"],
                [compact(pair) for pair in islice(pairs, len(matrix["decoders"]))],
            ]
            for checked in matrix["encoders"]
        ],
        "texts": texts.values,
        "features": features.values,
        "roles": roles.values,
    }


class _Once:
    """Values that are kept once each, by number."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def number(self, value: Hashable) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    @property
    def values(self) -> list[Hashable]:
        return list(self._numbers)
