"""Class maps and images of any kind as pictures to look at."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo.labels import Colour

Picture = NDArray[np.uint8]
"""(H, W, 3)."""

# Hues that stay apart on a dark ground (after Matplotlib's tab10), and the ground itself for the first class.
FIRST = ("#2b2f3a", "#4e9bd6", "#ff9f40", "#5fc26a", "#ef5b5b", "#b58ae0", "#b07a5e", "#f294cf", "#a3a8b3", "#d9d94a",
         "#3fd0dc")  # fmt: skip
GOLDEN = 0.618034
"""Multiples of the golden ratio, taken as hues, stay apart however many there are."""
UNKNOWN = (250, 250, 250)
"""Where a pixel has no class."""


def palette(count: int) -> tuple[Colour, ...]:
    """So many colours, (red, green, blue) from 0 to 255, the first of them dark."""
    colours = [_rgb(each) for each in FIRST[:count]]
    for number in range(count - len(colours)):
        brightness = (1.0, 0.8, 0.6)[number % 3]
        red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1, 0.45 + 0.4 * (number % 2), brightness)
        colours.append((round(255 * red), round(255 * green), round(255 * blue)))
    return tuple(colours)


def colour(classes: NDArray[Any], colours: Sequence[Colour]) -> Picture:
    """Class maps (..., H, W) in colour, (..., H, W, 3); what is beyond the colours, such as `IGNORE`, nearly white."""
    table = np.array([*colours, UNKNOWN], np.uint8)
    known = (classes >= 0) & (classes < len(colours))
    return table[np.where(known, classes, len(colours))]


def overlay(picture: Picture, classes: NDArray[Any], colours: Sequence[Colour], opacity: float = 0.65) -> Picture:
    """A greyish picture, coloured where a class other than the first is seen."""
    grey = picture.mean(axis=2, keepdims=True).repeat(3, axis=2)
    covering = np.where(classes > 0, opacity, 0)[..., None]
    return (grey * (1 - covering) + colour(classes, colours) * covering).astype(np.uint8)


def as_picture(image: NDArray[Any]) -> Picture:
    """An image (H, W, C) of any type and number of bands, to look at.

    Three bands or more are the first three, others one grey. Values of more than eight bits are stretched from the
    2nd to the 98th percentile.
    """
    shown = image[..., :3] if image.shape[-1] >= 3 else image[..., :1].repeat(3, axis=-1)
    if shown.dtype == np.uint8:
        return np.ascontiguousarray(shown)
    values = np.nan_to_num(shown.astype(np.float64))
    low, high = np.percentile(values, (2, 98))
    return (255 * np.clip((values - low) / max(high - low, 1e-12), 0, 1)).astype(np.uint8)


def _rgb(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
