"""Objects drawn into a picture: each with a colour, an outline and its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segzoo.labels import Colour
from segzoo.pictures.colours import Picture

FILLED = 110
"""Of 256: how much of the colour is seen inside."""
ROWS = 256
"""That are blended at a time."""
DARK = (20, 22, 28)


class Drawn(NamedTuple):
    """What is drawn of an object.

    :param mask: bool (h, w).
    :param corner: column and row of the picture where the mask begins.
    :param text: written where the object is widest.
    """

    mask: NDArray[np.bool_]
    corner: tuple[int, int]
    colour: Colour
    text: str = ""


def draw_objects(picture: Picture, objects: Iterable[Drawn]) -> Picture:
    """A copy of a picture with objects in it, the last one on top.

    :param picture: (H, W, 3).
    :param objects: taken one by one.
    """
    drawn = picture.copy()
    thickness = max(1, round(min(picture.shape[:2]) / 400))
    names: list[tuple[tuple[int, int], str]] = []
    for each in objects:
        if not each.mask.any():
            continue
        left, top = each.corner
        height, width = each.mask.shape
        region = drawn[top : top + height, left : left + width]
        for first in range(0, height, ROWS):
            rows = slice(first, first + ROWS)
            _blend(region[rows], each.mask[rows], each.colour, FILLED)
        _blend(region, outline(each.mask, thickness), each.colour, 256)
        row, column = widest(each.mask)
        names.append(((left + column, top + row), each.text))
    return write(drawn, names)


def outline(mask: NDArray[np.bool_], thickness: int = 1) -> NDArray[np.bool_]:
    """The pixels of a mask that are less than so many pixels away from others, or from its border."""
    inner = mask
    for _ in range(thickness):
        padded = np.pad(inner, 1)
        inner = inner & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def widest(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Row and column where a name has room: the row that half of the pixels lie above, its longest run's middle."""
    above = mask.sum(axis=1).cumsum()
    row = int(np.searchsorted(above, above[-1] / 2))
    edges = np.flatnonzero(np.diff(mask[row], prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    longest = (ends - starts).argmax()
    return row, int(starts[longest] + ends[longest]) // 2


def write(picture: Picture, names: Iterable[tuple[tuple[int, int], str]]) -> Picture:
    """Write names in white on dark, each around its column and row."""
    from PIL import Image, ImageDraw, ImageFont

    names = [(place, text) for place, text in names if text]
    if not names:
        return picture
    shown = Image.fromarray(picture)
    draw = ImageDraw.Draw(shown)
    size = max(10, round(min(picture.shape[:2]) / 40))
    font: Any = ImageFont.load_default(size)
    stroke = max(1, size // 8)
    for place, text in names:
        box = draw.textbbox((0, 0), text, font, anchor="mm", stroke_width=stroke)
        inside = _inside(place, box, shown.size)
        draw.text(inside, text, (255, 255, 255), font, anchor="mm", stroke_width=stroke, stroke_fill=DARK)
    return np.array(shown)


def _inside(
    place: tuple[int, int], box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float]:
    """A place from which what is written doesn't leave the picture, where it fits in at all."""
    (x, y), (left, top, right, bottom), (width, height) = place, box, size
    return max(-left, min(x, width - right)), max(-top, min(y, height - bottom))


def _blend(region: Picture, mask: NDArray[np.bool_], colour: Colour, share: int) -> None:
    """Colour some pixels in place; the share is of 256."""
    pixels = region[mask].astype(np.uint16)
    region[mask] = (pixels * (256 - share) + np.array(colour, np.uint16) * share) >> 8
