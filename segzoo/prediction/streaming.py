"""From a source to a sink: what is held at a time is a few tiles and a seam, whatever the image's size."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Literal, get_args

import torch
from torch import Tensor
from tqdm import tqdm

from segzoo.errors import OptionError
from segzoo.prediction.blending import Blend
from segzoo.prediction.engine import Engine
from segzoo.prediction.sink import Sink
from segzoo.prediction.source import Source
from segzoo.prediction.tiles import Tile, batches, computed
from segzoo.prediction.tiling import Span, Tiling

Output = Literal["classes", "logits", "probabilities"]


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
        for tile, logits in computed(engines, batches(source, chosen, columns, batch)):
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


def _reduced(logits: Tensor, output: Output) -> Tensor:
    one = logits.shape[1] == 1
    if output == "classes":
        return (logits[:, 0] > 0).long() if one else logits.max(dim=1).indices  # more than twice as fast as argmax
    if output == "probabilities":
        return logits.sigmoid() if one else logits.softmax(dim=1)
    return logits
