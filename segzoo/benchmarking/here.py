"""Measuring a model in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

import segzoo
from segzoo.benchmarking.cost import Cost
from segzoo.benchmarking.memory import MIB, peak
from segzoo.benchmarking.runtimes import RUNTIMES
from segzoo.benchmarking.task import Task
from segzoo.benchmarking.timing import Timing


def measure_here(task: Task) -> Cost:
    """Build the model with random weights, and measure it.

    :raises SegzooError: when it can't be built, or can't run so.
    """
    conditions, device = task.conditions, torch.device(task.conditions.device)
    if conditions.threads:
        torch.set_num_threads(conditions.threads)
    config = {"classes": conditions.classes, **task.config}
    multiply_adds = count_multiply_adds(config, conditions.size)
    model = segzoo.create_model(**config).eval().to(device, _precision(task, device))
    weights = next(model.parameters())
    channels = model.plan.request.in_channels
    image = torch.rand(conditions.batch, channels, *conditions.size).to(device, weights.dtype)
    with torch.inference_mode():
        start = time.perf_counter()
        forward = RUNTIMES[task.runtime](model, image)
        ready = time.perf_counter() - start
        memory = peak(forward, device)
        timing = Timing.of(forward, device, conditions.rounds)
    return Cost(
        parameters=sum(each.numel() for each in model.parameters()),
        multiply_adds=multiply_adds,
        milliseconds=round(1000 * timing.median, 3),
        spread=round(1000 * timing.spread, 3),
        throughput=round(conditions.batch / timing.mean, 3),
        weights=round(sum(each.nbytes for each in model.state_dict().values()) / MIB, 2),
        memory=None if memory is None else round(memory / MIB, 2),
        ready=round(ready, 2),
    )


def count_multiply_adds(config: Mapping[str, Any], size: tuple[int, int]) -> int:
    """Of one image, on the meta device: no arithmetic, and attention is counted too, which torch doesn't on a CPU.

    torch counts a multiply-add as two operations, in convolutions and products of matrices alone.
    """
    with torch.device("meta"):
        model = segzoo.create_model(**config).eval().requires_grad_(False)
        image = torch.empty(1, model.plan.request.in_channels, *size)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(image)
    return counter.get_total_flops() // 2


def _precision(task: Task, device: torch.device) -> torch.dtype:
    if not task.conditions.half:
        return torch.float32
    return torch.float16 if device.type == "cuda" or task.runtime == "onnx" else torch.bfloat16
