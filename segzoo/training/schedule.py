"""The learning rate over a run: up, then down to nothing."""

from __future__ import annotations

import math
from typing import Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from segzoo.errors import OptionError

Kind = Literal["poly", "cosine"]
POWER = 0.9  # of poly: DeepLab's (arXiv:1606.00915, section 4.1.2)


def schedule(optimizer: Optimizer, steps: int, warmup: float = 0.05, kind: Kind = "poly") -> LambdaLR:
    """A linear warm-up, then the fall to 0 at the end of the run; every group keeps its share.

    Step it after each step of the optimiser. Its `state_dict` is numbers alone.

    :param optimizer: its rates are the highest that it gets.
    :param steps: of the whole run.
    :param warmup: the part of the run in which the rate rises.
    :param kind: `"poly"`, (1 - t)^0.9, or `"cosine"`, (1 + cos(pi t)) / 2, with t from 0 after the warm-up to 1.
    :raises OptionError: for less than one step, a warm-up outside of [0, 1), or another kind.
    """
    if steps < 1 or not 0 <= warmup < 1:
        raise OptionError(f"expected 1 step or more and a warm-up from 0 to below 1, got {steps=}, {warmup=}")
    if kind not in ("poly", "cosine"):
        raise OptionError(f"expected a schedule of poly or cosine, got {kind!r}")
    rising = round(warmup * steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        time = min(1.0, (step - rising) / max(1, steps - rising))
        return (1 - time) ** POWER if kind == "poly" else (1 + math.cos(math.pi * time)) / 2

    return LambdaLR(optimizer, factor)
