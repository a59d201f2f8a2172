"""What was found, of any task, in one form: to list it, and to draw it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segzoo.segmentation.results import Box, Instances, Panoptic
from segzoo.segmentation.segmenting import Result


@dataclass(frozen=True)
class Finding:
    """An object, a segment, or all pixels of a class.

    :param score: from 0 to 1; None of a class map's class.
    :param thing: whether it is an object.
    :param area: in pixels.
    :param box: that it lies in.
    :param cut: gives its mask inside the box, (bottom - top, right - left).
    """

    label: int
    score: float | None
    thing: bool
    area: int
    box: Box
    cut: Callable[[], NDArray[np.bool_]]


def findings(result: Result) -> list[Finding]:
    """All that was found, the highest score or the largest class first."""
    if isinstance(result, Instances):
        return list(_objects(result))
    if isinstance(result, Panoptic):
        return sorted(_segments(result), key=lambda each: -(each.score or 0))
    return sorted(_classes(result), key=lambda each: -each.area)


def _objects(found: Instances) -> Iterator[Finding]:
    for label, score, runs in zip(found.labels.tolist(), found.scores.tolist(), found.runs, strict=True):
        yield Finding(label, score, True, runs.area, runs.box, runs.cut)


def _segments(found: Panoptic) -> Iterator[Finding]:
    for each in found.segments:
        yield Finding(each.label, each.score, each.thing, each.area, each.box, partial(found.cut, each))


def _classes(classes: Tensor) -> Iterator[Finding]:
    height, width = classes.shape
    for label, area in enumerate(classes.flatten().bincount().tolist()):
        if area:
            yield Finding(label, None, False, area, (0, 0, width, height), partial(_equal, classes, label))


def _equal(classes: Tensor, label: int) -> NDArray[np.bool_]:
    return (classes == label).numpy()
