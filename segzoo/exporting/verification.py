"""Verification: what was written, run in its own runtime, against the model, at sizes that weren't traced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segzoo.errors import ExportError
from segzoo.exporting.deployed import Deployed
from segzoo.exporting.target import Run
from segzoo.exporting.tracing import Axes
from segzoo.handshake.planning import Plan
from segzoo.model import SegmentationModel
from segzoo.modes import evaluating

SIZES = ((1, 97, 131), (3, 128, 96), (1, 257, 90), (2, 64, 240))
"""Batch, height and width: odd and even, larger and smaller than what encoders are trained on, each batch another."""
SMALLEST = min(side for _, *sides in SIZES for side in sides)
TOLERANCES = {"float32": 1e-3, "float16": 3e-2, "int8": 0.5}
"""Of the largest logit. An artefact in int8 is held to compute the same function, not the same numbers: how good it is
must be measured on data."""


@dataclass(frozen=True)
class Verified:
    """One input that the artefact got right.

    :param shape: batch, height and width.
    :param difference: the largest of a logit, as a part of the largest logit. Of an artefact that gives classes: by how
        much the model prefers another class than the one given, at most.
    """

    shape: tuple[int, int, int]
    difference: float


def shapes(plan: Plan, axes: Axes) -> list[tuple[int, int, int]]:
    """The inputs to verify with: batch, height and width."""
    if axes.size:
        return [(batch, *axes.size) for batch in ([axes.batch] if axes.batch else [1, 3])]
    more = max(0, plan.input_spec.minimum - SMALLEST)
    return [(axes.batch or batch, height + more, width + more) for batch, height, width in SIZES]


def expected_logits(model: SegmentationModel, deployed: Deployed, image: Tensor) -> list[NDArray[np.float32]]:
    """What the model itself gives for an input of the artefact's, one picture after the other: (B, K, H, W) by head."""
    preprocessing = model.preprocessing
    if deployed.manifest.normalises:
        image = torch.stack([preprocessing(picture.numpy()) for picture in image])
    with evaluating(model), torch.no_grad():
        found = model(image)
    return [each.numpy() for each in (found.values() if isinstance(found, dict) else [found])]


def verify(run: Run, model: SegmentationModel, deployed: Deployed, shape: tuple[int, int, int]) -> Verified:
    """Hold an artefact against the model for one input.

    :param run: the artefact in its own runtime.
    :param model: the original, on the CPU, in float32.
    :raises ExportError: when it fails, or differs.
    """
    batch, height, width = shape
    image = deployed.example(batch, (height, width))
    what = f"{batch} x {height}x{width} pixels"
    expected = expected_logits(model, deployed, image)
    try:
        found = run(image.numpy())
    except Exception as error:  # each runtime has its own
        reason = " ".join(str(error).split())[:300]
        raise ExportError(f"what was exported fails for {what}: {type(error).__name__}: {reason}") from error
    difference = max(_differences(found, expected, deployed.manifest.classifies, what))
    tolerance = TOLERANCES[deployed.manifest.precision]
    if not difference <= tolerance:  # nor is it right where a number is none
        raise ExportError(
            f"what was exported differs by {difference:.2g} of the largest logit for {what}, where {tolerance:g} is "
            "allowed"
        )
    return Verified(shape, difference)


def _differences(
    found: Sequence[NDArray[Any]], expected: Sequence[NDArray[np.float32]], classifies: bool, what: str
) -> list[float]:
    differences = []
    for one, logits in zip(found, expected, strict=True):
        shape = (logits.shape[0], *logits.shape[2:]) if classifies else logits.shape
        if one.shape != shape:
            raise ExportError(f"what was exported gives the shape {one.shape} for {what}, where {shape} is expected")
        largest = max(float(np.abs(logits).max()), float(np.finfo(np.float32).tiny))
        short = _preference(one, logits) if classifies else np.abs(one - logits)
        differences.append(float(short.max()) / largest)
    return differences


def _preference(classes: NDArray[Any], logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how much the model prefers another class than the one given, at each pixel (B, H, W)."""
    if logits.shape[1] == 1:
        agrees = (logits[:, 0] > 0) == (classes > 0)
        return np.where(agrees, 0, np.abs(logits[:, 0])).astype(np.float32)
    chosen = np.take_along_axis(logits, classes[:, None].astype(np.int64), axis=1)[:, 0]
    return logits.max(axis=1) - chosen
