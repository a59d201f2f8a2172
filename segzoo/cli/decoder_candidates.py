"""A decoder held against what somebody looks for: its tasks, its inputs, its cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import segzoo
from segzoo.benchmarking.here import count_multiply_adds
from segzoo.cli.decoder_views import OFFERS, takes
from segzoo.contract import FeatureSpec
from segzoo.host.descriptors import DecoderSpec
from segzoo.host.registry import Provided
from segzoo.host.sources import find_encoder

CLASSES, SIZE = 19, (512, 512)


@dataclass(frozen=True)
class Wanted:
    """What is looked for; None and nothing ask for nothing."""

    encoder: str | None = None
    task: str | None = None
    strides: tuple[int, ...] = ()
    tokens: bool = False
    min_params: float | None = None
    max_params: float | None = None
    max_macs: float | None = None
    purpose: str | None = None
    license_part: str | None = None
    sort: str | None = None

    @cached_property
    def offers(self) -> Mapping[str, FeatureSpec]:
        """What the encoder offers, or a pyramid and a plain transformer where none was named."""
        return {self.encoder: find_encoder(self.encoder).facts().spec} if self.encoder else OFFERS

    @property
    def counts_params(self) -> bool:
        return bool(self.encoder or self.sort == "params") or (self.min_params, self.max_params) != (None, None)

    @property
    def counts_macs(self) -> bool:
        return self.max_macs is not None or self.sort == "macs"


class Candidate:
    """A decoder, with what it costs on the first encoder that it takes."""

    def __init__(self, found: Provided[DecoderSpec], wanted: Wanted) -> None:
        self.found, self.wanted = found, wanted

    @cached_property
    def taken(self) -> Mapping[str, Any]:
        """Of each encoder that it takes: what it selects; see `takes`."""
        every = {name: takes(self.found.load(), offer) for name, offer in self.wanted.offers.items()}
        return {name: taken for name, taken in every.items() if "refused" not in taken}

    @cached_property
    def params(self) -> int:
        """Of the decoder alone."""
        return segzoo.plan(next(iter(self.taken)), self.found.name, classes=CLASSES).decoder.parameters

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of the whole model, for an image of 512x512."""
        config = {"encoder": next(iter(self.taken)), "decoder": self.found.name, "classes": CLASSES}
        return count_multiply_adds(config, SIZE)

    @property
    def rank(self) -> int:
        """What it is sorted by; the same for all where their names are."""
        if self.wanted.sort == "params":
            return self.params
        return self.macs if self.wanted.sort == "macs" else 0

    def fits(self) -> bool:
        """Whether it has all that is looked for; what takes longest is asked last."""
        wanted, descriptor = self.wanted, self.found.descriptor
        told = f"{descriptor.summary} {descriptor.good_for}".lower()
        return (
            (wanted.purpose or "").lower() in told
            and (wanted.license_part or "").lower() in descriptor.license.lower()
            and self._does_the_task()
            and bool(self.taken)
            and any(set(wanted.strides) <= set(each["strides"]) for each in self.taken.values())
            and (not wanted.tokens or any(each["tokens"] for each in self.taken.values()))
            and (wanted.min_params is None or self.params >= wanted.min_params)
            and (wanted.max_params is None or self.params <= wanted.max_params)
            and (wanted.max_macs is None or self.macs <= wanted.max_macs)
        )

    def _does_the_task(self) -> bool:
        decoder = self.found.load()
        tasks = decoder.tasks if decoder.emits == "queries" else ("semantic",)
        return self.wanted.task is None or self.wanted.task in tasks
