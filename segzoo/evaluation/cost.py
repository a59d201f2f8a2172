"""What a model costs: parameters, time and memory for an image."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from segzoo.errors import InputError

SPAN, FEWEST = 1.0, 5  # seconds of forwards, and how many of them at least


@dataclass(frozen=True)
class Cost:
    """Of one model in eval mode, for one image.

    :param parameters: how many.
    :param milliseconds: of the clock for a forward, the median.
    :param spread: half the range of the middle half of them, in milliseconds.
    :param memory: MiB, of weights and of what a forward needs besides: on a GPU what torch allocates at most, else the
        weights and by how much the process grows.
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

    :param config: arguments of `segzoo.create_model`, as plain data, such as `model.config`.
    :param size: height and width of the image.
    :param threads: that the process may use; torch's default if None.
    :raises InputError: when the model can't be built, or can't take such an image, or memory is full.
    """
    task = json.dumps({"config": dict(config), "size": size, "device": device, "threads": threads})
    # Not by multiprocessing, which would run the caller's script again where that isn't guarded.
    ended = subprocess.run(
        [sys.executable, "-m", __name__, task],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or [""])[-1]
        reason = last if ended.returncode > 0 else "its process was killed, most likely since memory was full"
        raise InputError(f"the model can't be timed on an image of {size[0]}x{size[1]}: {reason}")
    return Cost(**json.loads(ended.stdout.splitlines()[-1]))


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

    before = _largest_size()
    with torch.inference_mode():
        forward()
        times = [forward()]
        while sum(times) < 1000 * SPAN or len(times) < FEWEST:
            times.append(forward())
    lower, _, upper = statistics.quantiles(times, n=4)
    weights = sum(each.nbytes for each in model.state_dict().values())
    peak = torch.cuda.max_memory_allocated() if on_gpu else weights + _largest_size() - before
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Cost(parameters, round(statistics.median(times), 3), round((upper - lower) / 2, 3), round(peak / 2**20, 1))


def _largest_size() -> int:
    """Of this process so far, in bytes; Linux counts in KiB, macOS in bytes."""
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    print(json.dumps(_measure(**json.loads(sys.argv[1])).to_dict()))
