"""Run lengths: `"1 3 10 5"` is the pixels 1, 2, 3 and 10 to 14, counted from 1, down each column from the left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def decode(runs: str, height: int, width: int) -> NDArray[np.bool_]:
    """The pixels of some runs, (height, width).

    :raises ValueError: when they are no pairs of whole numbers, or lead out of the image.
    """
    numbers = np.array([int(number) for number in runs.split()], np.int64)
    if len(numbers) % 2:
        raise ValueError(f"expected pairs of start and length, got {len(numbers)} numbers")
    starts, lengths = numbers[::2] - 1, numbers[1::2]
    if len(starts) and (starts.min() < 0 or lengths.min() < 1 or (starts + lengths).max() > height * width):
        raise ValueError(f"expected runs within the pixels 1 to {height * width} of {width} x {height}")
    pixels = np.zeros(height * width, np.bool_)
    for start, length in zip(starts, lengths, strict=True):
        pixels[start : start + length] = True
    return pixels.reshape(width, height).T
