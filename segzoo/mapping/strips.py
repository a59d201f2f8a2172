"""Blocks put together to rows of an image's whole width."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo.prediction.source import Window


class Strips:
    """Takes blocks (h, w), row by row and left to right, and gives rows (n, width), so many together.

    All are copied into one array: small ones that live for a while would be scattered over the memory that tiles are
    computed in, and it would grow with the image's width.

    :param rows: how many; fewer at the bottom.
    """

    def __init__(self, size: tuple[int, int], rows: int) -> None:
        self.height, self.width = size
        self.rows = rows
        self._held: NDArray[Any] | None = None
        self._top = 0

    def add(self, block: NDArray[Any], window: Window) -> list[tuple[int, NDArray[Any]]]:
        """The rows that are complete now, each with the number of the first of them."""
        held = self._held = self._grown(window.bottom - self._top, block.dtype)
        held[window.top - self._top : window.bottom - self._top, window.left : window.right] = block
        if window.right < self.width:
            return []
        count = window.bottom - self._top
        ready = count if window.bottom == self.height else count // self.rows * self.rows
        parts = [held[start : min(start + self.rows, ready)].copy() for start in range(0, ready, self.rows)]
        first, self._top = self._top, self._top + ready
        held[: count - ready] = held[ready:count].copy()
        return [(first + number * self.rows, part) for number, part in enumerate(parts)]

    def _grown(self, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array of so many rows or more, with what is held."""
        held = np.empty((0, self.width), dtype) if self._held is None else self._held
        if len(held) >= count:
            return held
        larger = np.empty((count + self.rows, self.width), dtype)
        larger[: len(held)] = held
        return larger
