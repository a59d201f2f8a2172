"""Class maps and images of any kind as pictures to look at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo.labels import Colour

Picture = NDArray[np.uint8]
"""(H, W, 3)."""

# Hues that stay apart on a dark ground (after Matplotlib's tab10), and the ground itself for the first class.
FIRST = ("#2b2f3a", "#4e9bd6", "#ff9f40", "#5fc26a", "#ef5b5b", "#b58ae0", "#b07a5e", "#f294cf", "#a3a8b3", "#d9d94a",
         "#3fd0dc")  # fmt: skip
UNKNOWN = (250, 250, 250)
"""Where a pixel has no class."""
LEVELS = (40, 71, 102, 132, 163, 194, 224, 255)
"""Of red, green and blue, that further colours are made of."""
SEEN = np.sqrt((2, 4, 3))
"""How far apart two colours look, by their distance in red, green and blue."""


@cache
def palette(count: int) -> tuple[Colour, ...]:
    """So many colours, (red, green, blue) from 0 to 255, the first of them dark. More begin with the same ones.

    After the first, picked by hand, each is the one that looks farthest from all before it.

    :param count: up to 255 stay apart.
    """
    colours = [_rgb(each) for each in FIRST[:count]]
    candidates = np.array(list(product(LEVELS, repeat=3)))
    nearest = np.min([_distance(candidates, each) for each in (*colours, UNKNOWN)], axis=0)
    while len(colours) < count:
        red, green, blue = (int(each) for each in candidates[nearest.argmax()])
        colours.append((red, green, blue))
        nearest = np.minimum(nearest, _distance(candidates, colours[-1]))
    return tuple(colours)


def colour(classes: NDArray[Any], colours: Sequence[Colour]) -> Picture:
    """Class maps (..., H, W) in colour, (..., H, W, 3); what is beyond the colours, such as `IGNORE`, nearly white."""
    table = np.array([*colours, UNKNOWN], np.uint8)
    known = (classes >= 0) & (classes < len(colours))
    return table[np.where(known, classes, len(colours))]


def overlay(
    picture: Picture,
    classes: NDArray[Any],
    colours: Sequence[Colour],
    opacity: float = 0.65,
    shown: Collection[int] | None = None,
) -> Picture:
    """A greyish picture, coloured where a class is seen that is to be shown.

    :param shown: the classes; all but the first if None.
    """
    grey = picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
    covered = classes > 0 if shown is None else np.isin(classes, list(shown))
    covering = np.where(covered, opacity, 0)[..., None]
    return (grey * (1 - covering) + colour(classes, colours) * covering).astype(np.uint8)


def as_picture(image: NDArray[Any]) -> Picture:
    """An image (H, W, C) of any type and number of bands, to look at.

    Three bands or more are the first three, others one grey. Values of more than eight bits are stretched from the
    2nd to the 98th percentile; what is no finite number is black.
    """
    shown = image[..., :3] if image.shape[-1] >= 3 else image[..., :1].repeat(3, axis=-1)
    if shown.dtype == np.uint8:
        return np.ascontiguousarray(shown)
    values = shown.astype(np.float64)
    finite = np.isfinite(values)
    low, high = np.percentile(values[finite], (2, 98)) if finite.any() else (0.0, 1.0)
    stretched = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    return (255 * np.where(finite, stretched, 0)).astype(np.uint8)


def _distance(colours: NDArray[Any], other: Colour) -> NDArray[Any]:
    return np.linalg.norm((colours - other) * SEEN, axis=-1)


def _rgb(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
