"""A mask as the lengths of its runs, column by column, as COCO keeps masks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class RunLengths:
    """A mask of an image, compressed.

    :param size: height and width of the image.
    :param counts: how many pixels in turn lie outside, inside, outside, ..., down the columns, from the left one on.
    """

    size: tuple[int, int]
    counts: NDArray[np.uint32]

    @classmethod
    def of(cls, mask: Any) -> RunLengths:
        """Compress a mask, bool (H, W)."""
        flat = torch.as_tensor(mask, dtype=torch.bool).mT[None]
        tracer = Tracer(1)
        tracer.add(flat)
        return tracer.runs((flat.shape[2], flat.shape[1]))[0]

    @property
    def area(self) -> int:
        """Pixels inside."""
        return int(self.counts[1::2].sum(dtype=np.int64))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom, the last two not included; zeros for a mask without pixels."""
        starts, ends = self._inside()
        if not starts.size:
            return 0, 0, 0, 0
        height = self.size[0]
        left, right = int(starts[0]) // height, int(ends[-1] - 1) // height + 1
        if (starts // height != (ends - 1) // height).any():  # a run from one column's foot to the next one's head
            return left, 0, right, height
        return left, int((starts % height).min()), right, int(((ends - 1) % height).max()) + 1

    def cut(self) -> NDArray[np.bool_]:
        """The mask inside its box, (bottom - top, right - left)."""
        left, top, right, bottom = self.box
        return self._columns(left, right)[top:bottom]

    def mask(self) -> NDArray[np.bool_]:
        """The mask itself, (H, W)."""
        return self._columns(0, self.size[1])

    def to_coco(self) -> dict[str, Any]:
        """`{"size": [H, W], "counts": "..."}`, as pycocotools takes it and JSON holds it."""
        return {"size": list(self.size), "counts": _text(self.counts)}

    def _inside(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the runs inside start and end."""
        ends = np.cumsum(self.counts, dtype=np.int64)
        inside = ends[1::2]
        return ends[::2][: len(inside)], inside

    def _columns(self, left: int, right: int) -> NDArray[np.bool_]:
        height = self.size[0]
        ends = np.cumsum(self.counts, dtype=np.int64).clip(left * height, right * height)
        lengths = np.diff(ends, prepend=left * height)
        flat = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
        return flat.reshape(right - left, height).T


class Tracer:
    """Compresses masks that come strip by strip.

    :param count: of the masks.
    """

    def __init__(self, count: int) -> None:
        self.changes: list[list[NDArray[np.int64]]] = [[] for _ in range(count)]
        self.last: Tensor | None = None
        self.seen = 0

    def add(self, strip: Tensor) -> None:
        """Take some columns of all masks, bool (N, columns, H): those to the right of what came before."""
        flat = strip.flatten(1)
        last = torch.zeros_like(flat[:, :1]) if self.last is None else self.last
        masks, places = (flat != torch.cat([last, flat[:, :-1]], 1)).nonzero().cpu().numpy().T
        ends = np.cumsum(np.bincount(masks, minlength=len(self.changes)))
        for changes, each in zip(self.changes, np.split(places + self.seen, ends[:-1]), strict=True):
            changes.append(each)
        self.last = flat[:, -1:].clone()
        self.seen += flat.shape[1]

    def runs(self, size: tuple[int, int]) -> list[RunLengths]:
        """All masks, of images of that height and width."""
        return [RunLengths(size, _counts(changes, size[0] * size[1])) for changes in self.changes]


def runs_of_numbers(numbers: NDArray[np.int64]) -> dict[int, RunLengths]:
    """Compress the mask of each number of a map (H, W)."""
    height, width = numbers.shape
    flat = numbers.T.ravel()
    starts = np.flatnonzero(np.diff(flat)) + 1
    edges = [0, *starts.tolist(), flat.size]
    changes: dict[int, list[int]] = {}
    for number, start, end in zip(flat[edges[:-1]].tolist(), edges[:-1], edges[1:], strict=True):
        changes.setdefault(number, []).extend((start, end))
    return {
        number: RunLengths((height, width), _counts([np.array(each)], flat.size)) for number, each in changes.items()
    }


def _counts(changes: Iterable[NDArray[np.int64]], pixels: int) -> NDArray[np.uint32]:
    return np.diff(np.concatenate([[0], *changes, [pixels]])).astype(np.uint32)


def _text(counts: NDArray[np.uint32]) -> str:
    """COCO's text: each count, from the fourth on its difference to the last but one, in digits of base 32.

    The lowest digit comes first; in each letter five bits are the digit and the sixth says that more follow.
    """
    rest = counts.astype(np.int64)
    rest[3:] -= counts[1:-2].astype(np.int64)
    letters: list[NDArray[np.int64]] = []
    more = np.ones(len(rest), bool)
    used = []
    while more.any():
        digit = rest & 31
        rest = rest >> 5
        used.append(more)
        more = more & np.where(digit & 16, rest != -1, rest != 0)
        letters.append(digit + 48 + 32 * more)
    return np.stack(letters, 1)[np.stack(used, 1)].astype(np.uint8).tobytes().decode("ascii")
