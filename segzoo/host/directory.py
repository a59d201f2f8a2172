"""The plugin directory: which published distribution provides which name.

It ships with segzoo as `directory.json`, so that a name that isn't installed gets a hint instead of a shrug::

    {"format": 1, "plugins": [{"distribution": "segzoo-ocr", "summary": "...", "homepage": "https://...",
                               "decoders": ["ocr"]}]}

Being listed is no endorsement, and nothing is installed because of it. This file imports no plugin.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from segzoo.errors import PluginError
from segzoo.host.descriptors import is_name
from segzoo.host.discovery import SHIPPED, normalise

FORMAT = 1
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
_TEXTS = tuple(field.name for field in fields(Listing) if field.name not in KINDS)


def listings(path: Path | None = None) -> tuple[Listing, ...]:
    """All that a directory lists.

    :param path: of the file; the one that ships with segzoo if None.
    :raises PluginError: naming the file, the entry and what is wrong with it.
    """
    path = path or BUNDLED
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PluginError(f"the plugin directory {path} can't be read: {error}") from error
    if not isinstance(content, Mapping) or content.get("format") != FORMAT or content.keys() != {"format", "plugins"}:
        raise PluginError(f'the plugin directory {path} must be {{"format": {FORMAT}, "plugins": [...]}}')
    if not isinstance(content["plugins"], list):
        raise PluginError(f"the plugin directory {path} needs a list of plugins, got {content['plugins']!r}")
    found: dict[str, Listing] = {}
    for entry in content["plugins"]:
        listing = _listing(path, entry)
        if listing.distribution in found:
            raise PluginError(f"the plugin directory {path} lists {listing.distribution!r} twice")
        found[listing.distribution] = listing
    return tuple(found.values())


def providers(name: str) -> tuple[Listing, ...]:
    """The distributions that the bundled directory knows to provide a name."""
    return tuple(listing for listing in listings() if listing.provides(name))


def _listing(path: Path, entry: Any) -> Listing:
    def refuse(reason: str) -> PluginError:
        return PluginError(f"the plugin directory {path}: {reason}, in {entry!r}")

    if not isinstance(entry, Mapping) or not set(_TEXTS) <= entry.keys() <= {*_TEXTS, *KINDS}:
        raise refuse(f"an entry has {', '.join(_TEXTS)} and any of {', '.join(KINDS)}")
    for text in _TEXTS:
        if not isinstance(entry[text], str) or not entry[text].strip() or "\n" in entry[text]:
            raise refuse(f"{text} must be one line of text")
    for kind in KINDS:
        names = entry.get(kind, [])
        if not isinstance(names, list) or not all(isinstance(name, str) and is_name(name) for name in names):
            raise refuse(f"{kind} must be a list of names: letters, digits and any of _ . + -")
    if not any(entry.get(kind) for kind in KINDS):
        raise refuse(f"it must provide something: {', '.join(KINDS)}")
    if not entry["homepage"].startswith("https://"):
        raise refuse("homepage must be an https address")
    if entry["distribution"] != normalise(entry["distribution"]) or not is_name(entry["distribution"]):
        raise refuse(f"distribution must be a normalised name, such as {normalise(entry['distribution'])!r}")
    if entry["distribution"] == SHIPPED:
        raise refuse("what ships with segzoo needs no listing")
    values: dict[str, Any] = {key: tuple(value) if key in KINDS else value for key, value in entry.items()}
    return Listing(**values)
