"""The promises that take a model out of eager Python: compile, export, ONNX."""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec
from typing import Any
from unittest import SkipTest

import torch
from torch import nn

from segzoo.exporting.torch_targets import at_any_size
from segzoo.testing.cases import ODD_SIZE, Subject
from segzoo.testing.encoder_subject import taken_size
from segzoo.testing.modules import hold_close
from segzoo.testing.outputs import outputs
from segzoo.testing.results import ConformanceError

SMALLEST, LARGEST = 65, 4096
"""Pixels per side that an ONNX model must take."""
TRACED_SIZE = (613, 741)
"""Not a multiple of any stride; the deepest map has several cells even where a decoder pools it three times."""
TRACED_BATCH = 2
"""0 and 1 are sizes that a trace takes for constants."""
EVEN_SIZE = (128, 96)
TOLERANCE = 1e-3
ONNX = ("onnx", "onnxscript")


def compile(subject: Subject[Any]) -> None:
    """`torch.compile(fullgraph=True)` finds no graph break, in train and in eval mode, and changes no value."""
    for case in subject.witnesses(1):
        module = case.build()
        torch._dynamo.reset()
        try:
            for mode in (True, False):
                compiled = torch.compile(module.train(mode), backend="eager", fullgraph=True)
                found = outputs(compiled, inputs := case.inputs())  # type: ignore[arg-type]
            with torch.no_grad():
                hold_close(found, outputs(module, inputs), TOLERANCE, f"{case.where}: compiled")
        finally:
            torch._dynamo.reset()


def export(subject: Subject[Any]) -> None:
    """`torch.export` as `segzoo export` does it: one exported model gives the same output for any batch and size."""
    for case in subject.witnesses(1):
        model = case.model().eval()
        example = _image(model, TRACED_SIZE, TRACED_BATCH)
        open_axes = dict.fromkeys((0, *_sides(model)), torch.export.Dim.DYNAMIC)
        program = torch.export.export(model, (example,), dynamic_shapes=(open_axes,), strict=False)
        exported = at_any_size(program)
        for batch, size in ((1, ODD_SIZE), (3, EVEN_SIZE)):
            image = _image(model, size, batch)
            with torch.no_grad():
                found, expected = outputs(exported, image), outputs(model, image)
            where = f"{case.where}: exported at {TRACED_BATCH}x{_by(TRACED_SIZE)}, run at {batch}x{_by(size)}"
            hold_close(found, expected, TOLERANCE, where)


def onnx(subject: Subject[Any]) -> None:
    """`torch.onnx.export` with dynamic height and width gives a valid ONNX model."""
    missing = [name for name in ONNX if find_spec(name) is None]
    if missing:
        raise SkipTest(f"needs {' and '.join(missing)}: pip install {' '.join(ONNX)}")
    import onnx as onnx_library

    for case in subject.witnesses(1):
        program = _onnx_program(case.model().eval())
        graph = program.model_proto
        onnx_library.checker.check_model(graph)
        sides = graph.graph.input[0].type.tensor_type.shape.dim[2:]
        if any(side.HasField("dim_value") for side in sides):
            raise ConformanceError(f"{case.where}: the ONNX model is tied to one image size")


def _onnx_program(model: nn.Module) -> Any:
    """Export, quietly.

    :raises ConformanceError: with the innermost reason.
    """
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image, sides = _image(model, TRACED_SIZE), _sides(model)
            return torch.onnx.export(model, (image,), dynamic_shapes=(sides,), dynamo=True, verbose=False)
    except Exception as error:
        reason: BaseException = error
        while reason.__cause__ is not None:
            reason = reason.__cause__
        raise ConformanceError(f"{type(reason).__name__}: {reason}") from error
    finally:
        logging.disable(disabled)


def _image(model: nn.Module, size: tuple[int, int], batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, 3, *taken_size(model, size))


def _sides(model: nn.Module) -> dict[int, Any]:
    """Height and width as dynamic dimensions: any, or any multiple of what an encoder takes."""
    sizes = getattr(model, "input_spec", None)
    if sizes is not None and sizes.fixed:
        raise SkipTest(f"it computes at {_by(sizes.fixed)} alone")
    multiple = sizes.multiple if sizes is not None else 1
    return {
        axis: torch.export.Dim(name, min=-(-SMALLEST // multiple), max=LARGEST // multiple) * multiple
        if multiple > 1
        else torch.export.Dim(name, min=SMALLEST, max=LARGEST)
        for axis, name in ((2, "height"), (3, "width"))
    }


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
