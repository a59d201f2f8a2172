"""From a source to a sink: what is held at a time is a few tiles and a seam, whatever the image's size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import cycle
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from tqdm import tqdm

from segzoo.errors import OptionError
from segzoo.prediction.blending import Blend
from segzoo.prediction.engine import Engine
from segzoo.prediction.sink import Sink
from segzoo.prediction.source import Source, Window
from segzoo.prediction.tiling import Span, Tiling

Output = Literal["classes", "logits", "probabilities"]


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


@torch.inference_mode()
def stream(
    engines: Sequence[Engine],
    source: Source,
    sink: Sink,
    tiling: Tiling,
    *,
    output: Output = "classes",
    batch: int = 1,
    rows: range | None = None,
    name: str = "predicting",
) -> None:
    """Predict an image, tile by tile.

    Tiles without data aren't computed.

    :param engines: which take batches in turn, one for each device. They need not be safe to call from several threads.
    :param output: what the sink gets; logits are blended, and the others made from them.
    :param batch: how many tiles are computed at once.
    :param rows: which rows of tiles are predicted; all by default. What the sink gets of them is the same.
    :param name: what is shown beside the progress.
    :raises OptionError: for another output, or a batch below 1.
    """
    if output not in get_args(Output):
        raise OptionError(f"expected one of {', '.join(get_args(Output))}, got {output!r}")
    if batch < 1:
        raise OptionError(f"expected a batch of 1 or more tiles, got {batch}")
    height, width = source.size
    spans, columns = tiling.spans(height), tiling.spans(width)
    rows = range(len(spans)) if rows is None else rows
    chosen = spans[max(0, rows.start - 1) : rows.stop]  # the one before fades into the first
    skipped = spans[: rows.start]
    blends: dict[str, Blend] = {}
    bar = tqdm(total=len(chosen) * len(columns), desc=name, unit="tile", delay=2, leave=False)
    with bar, ExitStack() as stack:
        for tile, logits in _computed(engines, _batches(source, chosen, columns, batch)):
            window, valid = tile.block()
            while logits:  # none are kept while the next tile is computed
                head, each = logits.popitem()
                if head not in blends:
                    blends[head] = stack.enter_context(closing(Blend()))
                block = blends[head].add(each, *_started(tile, skipped))
                if tile.row not in skipped:
                    sink.write(head, _reduced(block, output), valid, window)
                del each, block
            bar.update()


def _started(tile: Tile, skipped: Sequence[Span]) -> tuple[Span, Span]:
    """A tile's spans; one whose row is only needed for what follows has none before it to fade from."""
    row = tile.row
    return (row._replace(full=row.first) if row in skipped else row), tile.column


def _batches(source: Source, rows: Sequence[Span], columns: Sequence[Span], size: int) -> Iterator[list[Tile]]:
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


def _computed(engines: Sequence[Engine], batches: Iterator[list[Tile]]) -> Iterator[tuple[Tile, dict[str, Tensor]]]:
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
        for engine, tiles in zip(cycle(engines), batches, strict=False):
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


def _reduced(logits: Tensor, output: Output) -> Tensor:
    one = logits.shape[1] == 1
    if output == "classes":
        return (logits[:, 0] > 0).long() if one else logits.max(dim=1).indices  # more than twice as fast as argmax
    if output == "probabilities":
        return logits.sigmoid() if one else logits.softmax(dim=1)
    return logits
