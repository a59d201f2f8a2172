"""Tiles, read and computed: the next batch is read while the engines compute."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from typing import NamedTuple

import torch
from torch import Tensor

from segzoo.prediction.engine import Engine
from segzoo.prediction.source import Source, Window
from segzoo.prediction.tiling import Span


class Tile(NamedTuple):
    """A tile that was read."""

    row: Span
    column: Span
    pixels: Tensor
    valid: Tensor | None

    @property
    def empty(self) -> bool:
        return self.valid is not None and not bool(self.valid.any())

    def block(self) -> tuple[Window, Tensor | None]:
        """The part of the result that is complete once this tile is added, and which of its pixels have data."""
        row, column = self.row, self.column
        window = Window(row.first, row.last, column.first, column.last)
        if self.valid is None:
            return window, None
        inner = self.valid[row.first - row.start : row.last - row.start, column.first - column.start :]
        return window, inner[:, : column.last - column.first]


def batches(source: Source, rows: Sequence[Span], columns: Sequence[Span], size: int) -> Iterator[list[Tile]]:
    """Neighbours of one shape, at most so many."""
    for row in rows:
        tiles: list[Tile] = []
        for column in columns:
            tile = Tile(row, column, *source.read(Window(row.start, row.end, column.start, column.end)))
            if tiles and (len(tiles) == size or tile.pixels.shape != tiles[0].pixels.shape):
                yield tiles
                tiles = []
            tiles.append(tile)
        yield tiles


def computed(engines: Sequence[Engine], read: Iterator[list[Tile]]) -> Iterator[tuple[Tile, dict[str, Tensor]]]:
    """Each tile with its logits, in order. The next batch is read while the engines compute."""
    known: dict[str, Tensor] = {}  # of an earlier tile: which heads, and how many classes

    def compute(engine: Engine, tiles: list[Tile]) -> list[tuple[Tile, dict[str, Tensor]]]:
        full = [tile for tile in tiles if not tile.empty] if known else tiles
        parts = iter(_run(engine, full) if full else [])
        return [(tile, next(parts) if any(tile is each for each in full) else _nothing(known, tile)) for tile in tiles]

    def collect(future: Future[list[tuple[Tile, dict[str, Tensor]]]]) -> Iterator[tuple[Tile, dict[str, Tensor]]]:
        parts = future.result()
        while parts:
            tile, logits = parts.pop(0)
            known.update({head: each[..., :0, :0].clone() for head, each in logits.items()})
            yield tile, logits

    with ThreadPoolExecutor(len(engines)) as pool:
        running: deque[Future[list[tuple[Tile, dict[str, Tensor]]]]] = deque()
        for engine, tiles in zip(cycle(engines), read, strict=False):
            if len(running) == len(engines):
                yield from collect(running.popleft())
            running.append(pool.submit(compute, engine, tiles))
        while running:
            yield from collect(running.popleft())


@torch.inference_mode()
def _run(engine: Engine, tiles: Sequence[Tile]) -> list[dict[str, Tensor]]:
    """The logits of each tile, by head."""
    images = tiles[0].pixels.shape[0]
    logits = engine(torch.cat([tile.pixels for tile in tiles]))
    heads = logits if isinstance(logits, dict) else {"": logits}
    parts = {head: each.split(images) for head, each in heads.items()}
    return [{head: parts[head][number] for head in heads} for number in range(len(tiles))]


def _nothing(known: dict[str, Tensor], tile: Tile) -> dict[str, Tensor]:
    """Logits of a tile without data, which nobody sees."""
    return {head: each.new_zeros(*each.shape[:2], *tile.pixels.shape[-2:]) for head, each in known.items()}
