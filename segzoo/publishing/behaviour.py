"""The behaviour probe: logits for one fixed image, by which another machine checks that it computes the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from segzoo.modes import evaluating
from segzoo.publishing.config import Statistics

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel

HEIGHT, WIDTH = 96, 128  # pixels: large enough for the deepest stage, small enough to be quick
SAMPLES = 16
TOLERANCE = 1e-3
"""As a fraction of the largest logit. Other CPUs add in another order, and differ by far less."""


@dataclass(frozen=True)
class Difference:
    """One number that differs."""

    head: str
    what: str
    then: float | str | None
    now: float | str | None


def standard_image(model: SegmentationModel) -> Tensor:
    """An image from a formula in whole numbers, (1, C, H, W) from -1 to 1: the same on every machine."""
    sizes = model.plan.input_spec
    least = max(1, sizes.minimum)
    height, width = sizes.fixed or sizes.padded((max(HEIGHT, least), max(WIDTH, least)))
    channels = torch.arange(model.plan.request.in_channels)[:, None, None]
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    return ((31 * channels + rows * rows + 3 * columns * (channels + 1)) % 97 / 48 - 1)[None].float()


def measure(model: SegmentationModel) -> dict[str, Statistics]:
    """Statistics of a model's logits for the probe image, by head: float32, eval mode, on the CPU."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    on_cpu = {
        name: tensor.detach().to("cpu", torch.float32 if tensor.is_floating_point() else None)
        for name, tensor in tensors.items()
    }
    with evaluating(model), _exactly(), torch.device("cpu"), torch.inference_mode():
        logits = torch.func.functional_call(model, on_cpu, (standard_image(model),), tie_weights=False)
    return {
        name: _statistics(each) for name, each in (logits if isinstance(logits, dict) else {"logits": logits}).items()
    }


def compare(then: Mapping[str, Statistics], now: Mapping[str, Statistics]) -> list[Difference]:
    """The differences that are larger than another CPU explains."""
    differences = []
    for head in sorted(then.keys() | now.keys()):
        if head not in then or head not in now or then[head].shape != now[head].shape:
            shapes = [str(list(each[head].shape)) if head in each else None for each in (then, now)]
            differences.append(Difference(head, "shape", *shapes))
            continue
        scale = max(then[head].largest or 0.0, now[head].largest or 0.0)
        differences += [
            Difference(head, what, one, other)
            for (what, one), other in zip(_numbers(then[head]).items(), _numbers(now[head]).values(), strict=True)
            if not _close(one, other, TOLERANCE * scale)
        ]
    return differences


def table(differences: list[Difference]) -> str:
    """The differences as text."""
    from tabulate import tabulate

    return tabulate(
        [(each.head, each.what, each.then, each.now) for each in differences], ["head", "of", "then", "now"]
    )


@contextmanager
def _exactly() -> Iterator[None]:
    """A block in which products of float32 are computed in float32, whatever the program has set."""
    allowed = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(allowed)


def _statistics(logits: Tensor) -> Statistics:
    values = logits.double().flatten()
    places = torch.arange(SAMPLES) * (values.numel() - 1) // (SAMPLES - 1)
    return Statistics(
        shape=tuple(logits.shape),
        mean=_finite(values.mean()),
        std=_finite(values.std(correction=0)),
        largest=_finite(values.abs().max()),
        samples=tuple(_finite(value) for value in values[places]),
    )


def _numbers(statistics: Statistics) -> dict[str, float | None]:
    samples = {f"sample {i}": value for i, value in enumerate(statistics.samples)}
    return {"mean": statistics.mean, "std": statistics.std, "largest": statistics.largest, **samples}


def _finite(value: Tensor) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _close(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= tolerance
