"""What a model costs in one runtime."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """Of a model in eval mode.

    :param parameters: how many.
    :param multiply_adds: of one image, in convolutions and products of matrices, attention included.
    :param milliseconds: of the clock for a forward, the median.
    :param spread: half the range of the middle half of them, in milliseconds.
    :param throughput: images in a second, of forwards one behind the other.
    :param weights: of parameters and buffers, in MiB.
    :param memory: MiB that a forward takes at most, beyond the loaded model; None where the system doesn't say.
    :param ready: seconds that it took to optimise, compile or export the model.
    """

    parameters: int
    multiply_adds: int
    milliseconds: float
    spread: float
    throughput: float
    weights: float
    memory: float | None
    ready: float

    @property
    def total_memory(self) -> float:
        """Of weights and a forward, in MiB."""
        return self.weights + (self.memory or 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)
