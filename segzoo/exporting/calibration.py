"""Calibration: pictures of a folder, as the artefact takes them."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo.data.reading import PICTURES, read_image
from segzoo.errors import DataError
from segzoo.exporting.tracing import Axes
from segzoo.runtime.manifest import Manifest

MOST = 64
"""Pictures: more make calibration long, and the range of the values no wider."""
SIDE = 512
"""Pixels: what is larger is cut to its middle."""


def calibration_pictures(folder: str | PathLike[str]) -> list[Path]:
    """The pictures of a folder, evenly spaced ones of many.

    :raises DataError: when it is no folder, or there is no picture in it.
    """
    path = Path(folder)
    if not path.is_dir():
        raise DataError(f"--calibration takes a folder of pictures, and {path} is none")
    files = sorted(each for each in path.rglob("*") if each.suffix.lower() in PICTURES)
    if not files:
        raise DataError(f"{path} has no pictures to calibrate with; it takes {', '.join(sorted(PICTURES))}")
    step = max(1, len(files) / MOST)
    return [files[int(number * step)] for number in range(min(MOST, len(files)))]


def calibration_inputs(files: list[Path], manifest: Manifest, axes: Axes, minimum: int) -> Iterator[NDArray[Any]]:
    """Each picture as an input of the artefact: cut to its middle, enlarged by its last pixels where it is too small.

    :param minimum: pixels a side.
    :raises DataError: for a picture that can't be read.
    :raises InputError: for one of other channels than the model's.
    """
    for file in files:
        picture = read_image(file)
        for axis in (0, 1):
            most = axes.size[axis] if axes.size else SIDE
            least = axes.size[axis] if axes.size else max(minimum, 1)
            start = max(0, picture.shape[axis] - most) // 2
            picture = picture[start : start + most] if axis == 0 else picture[:, start : start + most]
            missing = [(0, 0)] * 3
            missing[axis] = (0, max(0, least - picture.shape[axis]))
            picture = np.pad(picture, missing, mode="edge")
        normalised = manifest.preprocessing.normalise(picture)  # which says so where it is no picture for the model
        one = np.ascontiguousarray(picture) if manifest.normalises else normalised
        if manifest.normalises and not manifest.preprocessing.scaled:
            one = one.astype(np.float32)
        yield np.repeat(one[None], axes.batch or 1, axis=0)
