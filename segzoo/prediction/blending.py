"""Tiles put together: where two overlap, one fades into the other (B images, K classes)."""

from __future__ import annotations

import torch
from torch import Tensor

from segzoo.prediction.shelf import Shelf
from segzoo.prediction.tiling import Span

ROWS, COLUMNS = -2, -1


class Blend:
    """Turns tiles, row by row and left to right, into blocks that no later tile adds to.

    Held besides a tile are the seam to its left neighbour, and, on a shelf, the seam below each tile of a row.
    """

    def __init__(self) -> None:
        self._beside: Tensor | None = None
        self._below = Shelf()

    def close(self) -> None:
        """Leave nothing behind."""
        self._below.close()

    def add(self, logits: Tensor, row: Span, column: Span) -> Tensor:
        """Add a tile.

        :param logits: (B, K, row.end - row.start, column.end - column.start), which are changed.
        :returns: (B, K, row.last - row.first, column.last - column.first).
        """
        logits = _within(logits, row, ROWS)
        logits = _within(logits, column, COLUMNS)
        if column.full > column.first and self._beside is not None:
            _fade(self._beside.to(logits.device), logits, column, COLUMNS)
        self._beside = logits.narrow(COLUMNS, column.last - column.first, column.gone - column.last).clone()
        logits = logits.narrow(COLUMNS, 0, column.last - column.first)
        if row.full > row.first:
            _fade(self._below.take(column.first).to(logits.device), logits, row, ROWS)
        if row.gone > row.last:
            self._below.put(column.first, logits.narrow(ROWS, row.last - row.first, row.gone - row.last))
        return logits.narrow(ROWS, 0, row.last - row.first)


def _within(logits: Tensor, span: Span, axis: int) -> Tensor:
    """What counts of a tile, now or for the next one."""
    return logits.narrow(axis, span.first - span.start, span.gone - span.first)


def _fade(before: Tensor, after: Tensor, span: Span, axis: int) -> None:
    """Let the tile before fade into the beginning of this one, which is changed."""
    length = span.full - span.first
    weights = (torch.arange(length, device=after.device, dtype=after.dtype) + 0.5) / length
    seam = after.narrow(axis, 0, length)
    # before + weights * (after - before), without memory of its own
    seam.sub_(before).mul_(weights if axis == COLUMNS else weights[:, None]).add_(before)
