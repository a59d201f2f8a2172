"""The index of the encoder source: what is known of timm's architectures without importing timm."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import segzoo
from segzoo_timm.catalogue import catalogue
from segzoo_timm.known import known_facts


class TimmIndex(segzoo.EncoderIndex):
    """Names, tags, families, licences and measured facts, of the version of timm that is installed."""

    def names(self) -> Sequence[str]:
        if "timm" in sys.modules:  # which knows what a program has registered, too
            import timm

            return timm.list_models()
        return list(catalogue()["architectures"])

    def resolves(self, name: str) -> bool:
        if ":" in name or "timm" in sys.modules:  # a hub's or a folder's, of which timm alone can tell
            from segzoo_timm.resolving import resolves

            return resolves(name)
        architecture, _, tag = name.partition(".")
        entry = catalogue()["architectures"].get(architecture)
        if entry is None:
            return name in catalogue()["former"]
        return not tag or tag in entry.get("weights", ()) or tag in entry.get("unpublished", ())

    def known_facts(self, name: str) -> segzoo.EncoderFacts | None:
        return known_facts(name)
