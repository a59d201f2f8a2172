"""Timing forwards."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

WARM_UP = 2
"""Forwards that aren't timed."""
SPAN, FEWEST = 1.0, 5
"""Seconds of forwards, and how many of them at least."""


@dataclass(frozen=True)
class Timing:
    """Of a forward, in seconds of the clock.

    :param spread: half the range of the middle half.
    :param mean: of forwards one behind the other: a GPU goes on while the next is prepared.
    """

    median: float
    spread: float
    mean: float

    @classmethod
    def of(cls, forward: Callable[[], Any], device: torch.device, rounds: int | None) -> Timing:
        """Time a forward.

        :param rounds: how many; as many as fit into `SPAN` if None.
        """
        on_gpu = device.type == "cuda"

        def timed(count: int = 1) -> float:
            """Seconds from an idle device to an idle device."""
            start = time.perf_counter()
            for _ in range(count):
                forward()
            if on_gpu:
                torch.cuda.synchronize(device)
            return time.perf_counter() - start

        for _ in range(WARM_UP):
            timed()
        times: list[float] = []
        while len(times) < rounds if rounds else len(times) < FEWEST or sum(times) < SPAN:
            times.append(timed())
        lower, _, upper = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
        mean = timed(len(times)) / len(times) if on_gpu else statistics.mean(times)
        return cls(statistics.median(times), (upper - lower) / 2, mean)
