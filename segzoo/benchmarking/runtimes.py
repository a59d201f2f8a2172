"""The runtimes that a model is measured in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from segzoo.benchmarking.conditions import Conditions
from segzoo.benchmarking.onnx_session import onnx_session
from segzoo.errors import MissingExtraError, OptionError
from segzoo.inference.optimize import optimize
from segzoo.model import SegmentationModel

Forward = Callable[[], Any]
"""Runs the model once, on one batch of images."""
ONNX = ("onnx", "onnxscript", "onnxruntime")
"""What is needed to export, and to run what was exported."""


def eager(model: SegmentationModel, image: Tensor) -> Forward:
    """torch, operation by operation, the model as it is."""
    return partial(model, image)


def optimised(model: SegmentationModel, image: Tensor) -> Forward:
    """Likewise, after `segzoo.optimize`."""
    return partial(optimize(model), image)


def compiled(model: SegmentationModel, image: Tensor) -> Forward:
    """`torch.compile` of the model as it is, for this size alone."""
    forward = torch.compile(model, dynamic=False)
    forward(image)
    return partial(forward, image)


def onnx(model: SegmentationModel, image: Tensor) -> Forward:
    """ONNX Runtime, of what `segzoo.export` writes for this size alone."""
    return onnx_session(model, image)


RUNTIMES: dict[str, Callable[[SegmentationModel, Tensor], Forward]] = {
    "eager": eager,
    "optimised": optimised,
    "compile": compiled,
    "onnx": onnx,
}


def check_runtimes(names: Sequence[str], conditions: Conditions) -> None:
    """See whether these runtimes can be asked for.

    :raises OptionError: for none, an unknown one, or one that doesn't run on the device.
    :raises MissingExtraError: for ONNX Runtime without its libraries.
    """
    unknown = [name for name in names if name not in RUNTIMES]
    if unknown or not names:
        raise OptionError(f"expected runtimes among {', '.join(RUNTIMES)}, got {', '.join(unknown) or 'none'}")
    if "onnx" in names:
        if missing := [name for name in ONNX if find_spec(name) is None]:
            raise MissingExtraError(f'the runtime onnx needs {", ".join(missing)}: pip install "segzoo-torch[export]"')
        if conditions.device != "cpu":
            raise OptionError(f"ONNX Runtime is measured on the CPU alone, not on {conditions.device!r}")
