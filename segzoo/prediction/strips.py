"""Blocks put together to rows of an image's whole width."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Strips:
    """Takes blocks (h, w), row by row and left to right, and gives rows (n, width), so many together.

    :param rows: how many; fewer at the bottom.
    """

    def __init__(self, size: tuple[int, int], rows: int) -> None:
        self.height, self.width = size
        self.rows = rows
        self._row: list[NDArray[Any]] = []
        self._waiting: list[NDArray[Any]] = []
        self._top = 0

    def add(self, block: NDArray[Any]) -> list[tuple[int, NDArray[Any]]]:
        """The rows that are complete now, each with the number of the first of them."""
        self._row.append(block)
        if sum(each.shape[1] for each in self._row) < self.width:
            return []
        waiting = np.concatenate([*self._waiting, np.concatenate(self._row, axis=1)])
        at_bottom = self._top + len(waiting) == self.height
        ready = len(waiting) if at_bottom else len(waiting) // self.rows * self.rows
        self._row, self._waiting = [], [waiting[ready:]]
        first, self._top = self._top, self._top + ready
        return [(first + start, waiting[start : min(start + self.rows, ready)]) for start in range(0, ready, self.rows)]
