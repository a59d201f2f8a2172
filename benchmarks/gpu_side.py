"""One side of the comparison on a GPU, in a process that holds nothing else.

The parent calls `build_theirs` or `build_ours`, then `prepare` and `measure` for each mode and each kind of work.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import side
import torch
from torch import Tensor, nn

import segzoo

MODES = ("eager", "compile", "bf16")
WORK = ("inference", "training")
SPAN, FEWEST, WARM_UP = 1.0, 5, 3
"""Seconds of runs, how many at least, and how many aren't timed."""


class State:
    """What this process holds."""

    def __init__(self, module: nn.Module, image: Tensor) -> None:
        self.module, self.image = module, image
        self.run: Callable[[], Any] = lambda: None

    @property
    def device(self) -> torch.device:
        return self.image.device

    def synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def inputs(self, gradients: bool) -> side.Inputs:
        with torch.no_grad():
            encoded = self.module.eval().encode(self.image)
        return tuple(
            [each.detach().contiguous().requires_grad_(gradients and each.numel() > 0) for each in maps]
            for maps in encoded
        )


_state: State  # of this process


def build_theirs(
    architecture: str, arguments: dict[str, Any], shape: tuple[int, ...], folder: Path, whole: bool, device: str
) -> None:
    """SMP's decoder or whole model, with random weights that are saved for ours to read."""
    side.start()
    model = side.make_theirs(architecture, arguments)
    model.save_pretrained(folder)
    _hold((side.TheirModel if whole else side.TheirDecoder)(model), shape, device)


def build_ours(shape: tuple[int, ...], folder: Path, whole: bool, device: str) -> None:
    """Segzoo's, with the weights that SMP saved."""
    side.start()
    model = segzoo.from_pretrained(folder)
    _hold((side.OurModel if whole else side.OurDecoder)(model), shape, device)


def logits() -> np.ndarray:
    """In full float32, for the two sides to agree before anything is measured."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        inputs = _state.inputs(gradients=False)
        with torch.no_grad():
            return _state.module(*[list(maps) for maps in inputs]).float().cpu().numpy()
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def prepare(mode: str, work: str) -> None:
    """Make this the one that is measured, and run it until it is warm.

    :raises RuntimeError: when this side can't run so, in the error's own words.
    """
    try:
        _state.run = lambda: None
        torch.compiler.reset()
        _free()
        _state.run = (_inference if work == "inference" else _training)(mode)
        for _ in range(WARM_UP):
            _state.run()
        _state.synchronize()
    except Exception as error:  # whatever it was: it is reported, and the others are measured
        lines = str(error).strip().splitlines() or [""]
        raise RuntimeError(f"{type(error).__name__}: {lines[0][:160]}") from None


def measure() -> tuple[float, float]:
    """One run: milliseconds from an idle device to an idle device, and the most MiB that torch allocates meanwhile.

    Memory is beyond weights and inputs, and includes gradients; 0 without a GPU.
    """
    times: list[float] = []
    _free()
    held = 0
    if _state.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(_state.device)
        held = torch.cuda.memory_allocated(_state.device)
    while sum(times) < SPAN or len(times) < FEWEST:
        _state.synchronize()
        start = time.perf_counter()
        _state.run()
        _state.synchronize()
        times.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated(_state.device) - held if _state.device.type == "cuda" else 0
    return 1000 * statistics.median(times), peak / 2**20


def _hold(module: nn.Module, shape: tuple[int, ...], device: str) -> None:
    global _state
    torch.manual_seed(0)
    image = torch.rand(*shape)
    _state = State(module.to(device), image.to(device))


def _inference(mode: str) -> Callable[[], Any]:
    module, inputs = _moded(_state.module.eval(), mode), _state.inputs(gradients=False)

    @torch.inference_mode()
    def forward() -> Any:
        return module(*[list(maps) for maps in inputs])

    return forward


def _training(mode: str) -> Callable[[], Any]:
    """Forward and backward, down to the maps (of a whole model: the image) and all parameters."""
    inputs = _state.inputs(gradients=True)
    plain = _state.module.train()
    module = _moded(plain, mode)

    def step() -> None:
        plain.zero_grad()
        for maps in inputs:
            for each in maps:
                each.grad = None
        answer = module(*[list(maps) for maps in inputs])
        answer.backward(torch.ones_like(answer))

    return step


def _moded(module: nn.Module, mode: str) -> Callable[..., Tensor]:
    if mode == "compile":
        return torch.compile(module, dynamic=False)
    if mode == "bf16":
        return torch.autocast(_state.device.type, torch.bfloat16)(module.__call__)
    return module


def _free() -> None:
    _state.module.zero_grad()
    gc.collect()
    if _state.device.type == "cuda":
        torch.cuda.empty_cache()
