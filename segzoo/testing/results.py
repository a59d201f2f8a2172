"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["pass", "fail", "expected failure", "unexpected pass", "skipped"]


class ConformanceError(AssertionError):
    """A promise is not kept; the message says where and how."""


@dataclass(frozen=True)
class Result:
    """What one check found.

    :param name: of the check.
    :param reason: why it isn't a plain pass; empty if it is one.
    """

    name: str
    status: Status
    reason: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether it counts against the subject: a failure, or an expected one that passed after all."""
        return self.status in ("fail", "unexpected pass")
