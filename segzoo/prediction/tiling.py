"""How a side of an image is cut into tiles, and what each of them adds to the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from segzoo.errors import OptionError


class Span(NamedTuple):
    """One tile's part of a side, in pixels of the image.

    :ivar start: where the tile starts; `end`: where it ends.
    :ivar first: from here on it fades in, the tile before fading out.
    :ivar full: from here on it alone counts.
    :ivar last: from here on the next one fades in.
    :ivar gone: from here on the next one alone counts.
    """

    start: int
    end: int
    first: int
    full: int
    last: int
    gone: int


def spans(length: int, tile: int, margin: int, grid: int = 1, blend: int = 0) -> list[Span]:
    """Cut a side into overlapping spans, none longer than `tile`.

    From each one's `first` to its `last` they follow on each other without gap or overlap. What lies within `margin` of
    an inner edge is context, and counts nowhere.

    >>> [span[:2] for span in spans(10, tile=6, margin=1)]
    [(0, 6), (4, 10)]
    >>> [(span.first, span.last) for span in spans(10, tile=6, margin=1)]
    [(0, 5), (5, 10)]
    """
    stride = max(grid, (tile - 2 * margin - blend) // grid * grid)
    fading = tile - 2 * margin - stride
    furthest = max(0, (length - tile + grid - 1) // grid * grid)
    edges = [(0, min(tile, length), 0, 0)]
    while (end := edges[-1][1]) < length:
        start = min(edges[-1][0] + stride, furthest)
        first = max(start + margin, edges[-1][3])
        edges.append((start, min(start + tile, length), first, min(end - margin, first + fading)))
    following = [*((first, full) for _, _, first, full in edges[1:]), (length, length)]
    return [Span(*edge, *after) for edge, after in zip(edges, following, strict=True)]


@dataclass(frozen=True)
class Tiling:
    """How an image is cut.

    :param tile: side of a tile in pixels. An image that isn't larger is one tile.
    :param margin: context around what counts of a tile, in pixels. A model whose logits depend on no pixel further away
        says of tiles what it says of the whole image. None: 96, or less of small tiles.
    :param blend: over how many pixels one tile fades into the next, where there is room. None: a sixteenth of a tile.
    :param grid: tiles start at multiples of it: a model's strides, so that a tile's maps lie as the whole image's do.
    :raises OptionError: for a tile without room inside its margins.
    """

    tile: int = 1024
    margin: int | None = None
    blend: int | None = None
    grid: int = 1

    def __post_init__(self) -> None:
        if self.context < 0 or self.fading < 0 or self.tile < 2 * self.context + self.grid:
            raise OptionError(
                f"a tile needs room inside its margins: tile from 2 * margin + {self.grid} on, got tile={self.tile}, "
                f"margin={self.context}" + (f", blend={self.blend}" if self.fading < 0 else "")
            )

    @property
    def context(self) -> int:
        return min(96, self.tile * 3 // 16) if self.margin is None else self.margin

    @property
    def fading(self) -> int:
        return self.tile // 16 if self.blend is None else self.blend

    def spans(self, length: int) -> list[Span]:
        return spans(length, self.tile, self.context, self.grid, self.fading)
