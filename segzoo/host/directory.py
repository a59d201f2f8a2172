"""The plugin directory: which published distribution provides which name.

It ships with segzoo as `directory.json`, so that a name that isn't installed gets a hint instead of a shrug::

    {"format": 1, "plugins": [{"distribution": "segzoo-ocr", "summary": "...", "homepage": "https://...",
                               "decoders": ["ocr"]}]}

Being listed is no endorsement, and nothing is installed because of it. What a listing must be is held by a test, since
the file comes with the code that reads it. This file imports no plugin.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

BUNDLED = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One published distribution and the names that it provides.

    :param distribution: as the package index calls it, normalised (`segzoo-ocr`).
    :param summary: one line.
    :param homepage: an https address.
    :param decoders: names, and likewise `encoders`, `necks` and `importers`; not all are empty.
    """

    distribution: str
    summary: str
    homepage: str
    decoders: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()
    necks: tuple[str, ...] = ()
    importers: tuple[str, ...] = ()

    def provides(self, name: str) -> bool:
        """Whether it provides something of that name, of whatever kind; case doesn't matter."""
        return any(name.lower() == each.lower() for kind in KINDS for each in getattr(self, kind))


KINDS = tuple(field.name for field in fields(Listing) if field.default == ())


def listings() -> tuple[Listing, ...]:
    """All that the directory lists."""
    return tuple(map(_listing, json.loads(BUNDLED.read_text(encoding="utf-8"))["plugins"]))


def providers(name: str) -> tuple[Listing, ...]:
    """The distributions that the directory knows to provide a name."""
    return tuple(listing for listing in listings() if listing.provides(name))


def _listing(entry: dict[str, Any]) -> Listing:
    return Listing(**entry | {kind: tuple(entry.get(kind, ())) for kind in KINDS})
