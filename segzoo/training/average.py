"""The weights' moving average: steadier than the weights themselves, and often better."""

from __future__ import annotations

from timm.utils import ModelEmaV3
from torch import nn

from segzoo.errors import OptionError


def moving_average(model: nn.Module, decay: float = 0.999) -> ModelEmaV3:
    """A copy of a model, `.module`, that follows it: weights and running statistics.

    Call `update(model, step=...)` after each step, counted from 1. The first steps count more than `decay` says, so
    that a short run's average isn't one with random weights.

    It is timm's, because torch's `AveragedModel` averages integer buffers too, such as a window's indices, and may
    round them down (at 0.9999 an index of 11 becomes 10). Its `state_dict` is tensors alone.

    :param model: that is trained; give the model itself rather than what DDP makes of it.
    :param decay: the share of the average that stays at each step.
    :raises OptionError: for a decay outside of [0, 1).
    """
    if not 0 <= decay < 1:
        raise OptionError(f"expected a decay from 0 to below 1, such as 0.999, got {decay!r}")
    average = ModelEmaV3(model, decay=decay, use_warmup=True)
    average.requires_grad_(False)
    return average
