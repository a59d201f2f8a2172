"""What was measured: a row for each pair in each runtime."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

from segzoo.benchmarking.conditions import Conditions
from segzoo.benchmarking.cost import Cost
from segzoo.files import write_whole


@dataclass(frozen=True)
class Row:
    """A pair in a runtime.

    :param pair: `ENCODER+DECODER`.
    :param cost: None where it couldn't be measured, for the reason given.
    """

    pair: str
    runtime: str
    cost: Cost | None
    reason: str = ""


@dataclass(frozen=True)
class Benchmark:
    """All pairs in all runtimes.

    :param versions: of the packages that took part.
    :param processor: that everything ran on.
    """

    conditions: Conditions
    versions: Mapping[str, str]
    processor: str
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def save_json(self, path: str | PathLike[str]) -> None:
        """Write it as JSON.

        :raises OptionError: when the file can't be written.
        """
        write_whole(path, json.dumps(self.to_dict(), indent=2) + "\n")
