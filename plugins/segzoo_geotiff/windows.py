"""The windows that a raster is read by, and what they are called: `scene.tif[0:512,512:1024]`, rows before columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

Window = tuple[tuple[int, int], tuple[int, int]]
"""The rows and the columns, each from one number to before another: rasterio takes it so."""
NAMED = re.compile(r"(.+)\[(\d+):(\d+),(\d+):(\d+)\]")


def windows(height: int, width: int, side: int, stride: int) -> Iterator[Window]:
    """Windows that cover a raster, row by row; the last of a row or column ends with the raster.

    >>> list(windows(100, 1000, 512, 512))
    [((0, 100), (0, 512)), ((0, 100), (488, 1000))]
    """
    for top in _starts(height, side, stride):
        for left in _starts(width, side, stride):
            yield (top, min(top + side, height)), (left, min(left + side, width))


def name_window(raster: str, window: Window) -> str:
    """The name of a raster's window."""
    (top, bottom), (left, right) = window
    return f"{raster}[{top}:{bottom},{left}:{right}]"


def parse_window(name: str) -> tuple[str, Window]:
    """The raster and the window that a name is of.

    >>> parse_window("scene.tif[0:512,512:1024]")
    ('scene.tif', ((0, 512), (512, 1024)))
    """
    found = NAMED.fullmatch(name)
    if found is None:
        raise KeyError(name)
    top, bottom, left, right = map(int, found.groups()[1:])
    return found[1], ((top, bottom), (left, right))


def _starts(length: int, side: int, stride: int) -> list[int]:
    last = max(0, length - side)
    return [*range(0, last, stride), last]
