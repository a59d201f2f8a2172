"""Tracing a model for any batch, height and width, and making sure that none of them was tied to the example's."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import SymInt, nn
from torch.export import Dim, ExportedProgram

from segzoo.errors import ExportError, InputError
from segzoo.exporting.deployed import Deployed
from segzoo.handshake.planning import Plan

NAMES = ("batch", "height", "width")
BATCH = 2
"""Of the example: 0 and 1 are sizes that a trace takes for constants."""
CELLS = (19, 23)
"""Of the deepest map of the example: not a single one even where a decoder pools it three times."""

PATIENCE = 180.0
"""Seconds of the processor: what is traced at all takes a tenth of that, and what isn't would take hours."""


@dataclass(frozen=True)
class Axes:
    """Which sizes an artefact takes.

    :param batch: the only batch; None: any.
    :param size: the only (height, width); None: any.
    """

    batch: int | None = None
    size: tuple[int, int] | None = None

    def dynamic(self, pictures: bool) -> dict[int, str]:
        """The input's axes that stay open, and what they are called.

        :param pictures: whether the input is (B, H, W, C) rather than (B, C, H, W).
        """
        positions = (0, 1, 2) if pictures else (0, 2, 3)
        fixed = (self.batch, self.size, self.size)
        return {axis: name for axis, name, one in zip(positions, NAMES, fixed, strict=True) if one is None}


def traced_size(plan: Plan, axes: Axes) -> tuple[int, int]:
    """The size of the example.

    :raises InputError: when the encoder can't take the size that was asked for.
    """
    sizes = plan.input_spec
    if axes.size:
        height, width = axes.size
        if min(height, width) < max(1, sizes.minimum):
            raise InputError(
                f"{plan.encoder.id} needs images of {sizes.minimum}x{sizes.minimum} pixels or more, got --size "
                f"{height}x{width}"
            )
        if plan.strict_size and not sizes.takes(axes.size):
            raise InputError(f"{plan.encoder.id} takes {sizes.describe(strict=True)}, got --size {height}x{width}")
        return axes.size
    if plan.strict_size:
        raise InputError(
            f"the model was created with strict_size, and takes {sizes.describe(strict=True)}: export it for one size, "
            "such as --size " + "x".join(map(str, sizes.fixed or sizes.padded((512, 512))))
        )
    height, width = (cells * plan.encoder_spec.strides[-1] + 5 for cells in CELLS)
    return max(height, sizes.minimum), max(width, sizes.minimum)


def trace(deployed: Deployed, axes: Axes, size: tuple[int, int]) -> ExportedProgram:
    """Trace a model with `torch.export`.

    :raises ExportError: when that fails, or an axis was tied to the example's size.
    """
    example = deployed.example(axes.batch or BATCH, size)
    open_axes = axes.dynamic(deployed.manifest.normalises)
    try:
        with quietly(), _patiently(PATIENCE), torch.no_grad():
            program = torch.export.export(
                deployed, (example,), dynamic_shapes=(dict.fromkeys(open_axes, Dim.DYNAMIC),), strict=False
            )
    except Exception as error:  # of any kind: what the model's own code raises among them
        raise ExportError(f"torch.export can't trace the model: {innermost(error)}") from error
    check_symbolic(program, open_axes)
    return program


def check_symbolic(program: ExportedProgram, open_axes: dict[int, str]) -> None:
    """See that what should be any size is one.

    :raises ExportError: when it is a number.
    """
    (name,) = program.graph_signature.user_inputs
    (shape,) = [node.meta["val"].shape for node in program.graph.nodes if node.name == name]
    symbols = [shape[axis] for axis in open_axes]
    tied = [axis for axis, symbol in zip(open_axes.values(), symbols, strict=True) if not isinstance(symbol, SymInt)]
    outputs = next(node.args[0] for node in program.graph.nodes if node.op == "output")
    for output in outputs:
        sizes = [str(side) for side in output.meta["val"].shape]
        tied += [axis for axis, symbol in zip(open_axes.values(), symbols, strict=True) if str(symbol) not in sizes]
    if tied:
        raise ExportError(
            f"{' and '.join(sorted(set(tied)))} of the traced model are tied to the example's: some operator of it "
            "computes with a size as a number of Python's"
        )


@contextmanager
def _patiently(seconds: float) -> Iterator[None]:
    """Stop a trace that takes longer, at the next module that it comes to."""
    end = time.process_time() + seconds

    def look(module: nn.Module, inputs: Any) -> None:
        if time.process_time() > end:
            raise TimeoutError(
                f"stopped after {seconds:.0f} s, in a {type(module).__name__}: its arithmetic on open sizes grows too "
                "long; give --size, for which it is done beforehand"
            )

    hook = nn.modules.module.register_module_forward_pre_hook(look)
    try:
        yield
    finally:
        hook.remove()


def innermost(error: BaseException) -> str:
    """The reason behind an exception, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:4])[:500]}"


@contextmanager
def quietly() -> Iterator[None]:
    """Without the exporters' own notes, which are about their insides."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def operators(program: ExportedProgram) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The names of a traced model's operators, such as `aten.conv2d`, with their arguments."""
    for node in program.graph.nodes:
        if node.op == "call_function":
            yield str(node.target).rsplit(".", 1)[0], node.args
