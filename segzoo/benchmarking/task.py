"""What one process is asked, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from segzoo.benchmarking.conditions import Conditions
from segzoo.benchmarking.cost import Cost


@dataclass(frozen=True)
class Task:
    """A model to measure.

    :param config: arguments of `segzoo.create_model`, as plain data, such as `model.config`.
    :param runtime: one of `segzoo.benchmarking.runtimes.RUNTIMES`.
    """

    config: Mapping[str, Any]
    runtime: str = "eager"
    conditions: Conditions = field(default_factory=Conditions)

    def to_json(self) -> str:
        """As an argument of a process."""
        return json.dumps({**asdict(self), "config": dict(self.config)})

    @classmethod
    def from_json(cls, text: str) -> Task:
        """The same task, over there."""
        plain = json.loads(text)
        conditions = plain["conditions"]
        return cls(plain["config"], plain["runtime"], Conditions(**{**conditions, "size": tuple(conditions["size"])}))


@dataclass(frozen=True)
class Measured:
    """What came of it.

    :param cost: None where it couldn't be measured, for the reason given.
    """

    cost: Cost | None
    reason: str = ""

    def to_json(self) -> str:
        """One line, which a process prints last."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Measured:
        """The same answer, over here."""
        plain = json.loads(text)
        return cls(None if plain["cost"] is None else Cost(**plain["cost"]), plain["reason"])
