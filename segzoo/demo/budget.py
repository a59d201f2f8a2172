"""Time that several trainings share, so that a demo ends on any machine."""

from __future__ import annotations

from time import monotonic

LEAST = 1 / 60  # minutes that a training gets in any case


class Budget:
    """Minutes from now on; whatever is left is shared by the trainings that are left.

    :param minutes: None for no limit.
    """

    def __init__(self, minutes: float | None) -> None:
        self._end = None if minutes is None else monotonic() / 60 + minutes

    def share(self, trainings: int) -> float | None:
        """The minutes of the next of so many trainings; None without a limit."""
        if self._end is None:
            return None
        return max(LEAST, (self._end - monotonic() / 60) / trainings)
