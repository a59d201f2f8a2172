"""What a model costs: parameters, time and memory for an image."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from typing import Any

SPAN, FEWEST = 1.0, 5  # seconds of forwards, and how many of them at least


@dataclass(frozen=True)
class Cost:
    """Of one model in eval mode, for one image.

    :param parameters: how many.
    :param milliseconds: of the clock for a forward, the median.
    :param spread: half the range of the middle half of them, in milliseconds.
    :param memory: MiB; on a GPU what was allocated at most, else the size of a process that does nothing else.
    """

    parameters: int
    milliseconds: float
    spread: float
    memory: float

    def to_dict(self) -> dict[str, float]:
        """Plain data for JSON."""
        return asdict(self)


def measure(config: Mapping[str, Any], size: tuple[int, int], device: str = "cpu", threads: int | None = None) -> Cost:
    """Build a model with random weights in a process of its own, and time it.

    :param config: arguments of `segzoo.create_model`, such as `model.config`.
    :param size: height and width of the image.
    :param threads: that the process may use; torch's default if None.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, dict(config), size, device, threads).result()


def _measure(config: dict[str, Any], size: tuple[int, int], device: str, threads: int | None) -> Cost:
    import torch

    import segzoo

    if threads:
        torch.set_num_threads(threads)
    on_gpu = torch.device(device).type == "cuda"
    model = segzoo.create_model(**config).eval().to(device)
    image = torch.rand(1, model.plan.request.in_channels, *size, device=device)

    def forward() -> float:
        start = time.perf_counter()
        model(image)
        if on_gpu:
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start)

    with torch.inference_mode():
        forward()
        times = [forward()]
        while sum(times) < 1000 * SPAN or len(times) < FEWEST:
            times.append(forward())
    lower, _, upper = statistics.quantiles(times, n=4)
    peak = torch.cuda.max_memory_allocated() if on_gpu else _largest_size()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Cost(parameters, round(statistics.median(times), 3), round((upper - lower) / 2, 3), round(peak / 2**20, 1))


def _largest_size() -> int:
    """Of this process so far, in bytes; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
