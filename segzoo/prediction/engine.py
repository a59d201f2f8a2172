"""What computes: tiles in, logits out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from segzoo.errors import OptionError
from segzoo.head import Logits
from segzoo.modes import evaluating
from segzoo.prediction.augmented import Augmented

Engine = Callable[[Tensor], Logits]
"""Normalised tiles (B, C, h, w), on the CPU, to logits (B, K, h, w) on any device, or a dict of them by head.

The logits are a tensor of their own, which may be changed. A function around any runtime will do.
"""


class ModelEngine:
    """A model in eval mode, on its own device.

    :param half: whether to compute in bfloat16 what bears it (autocast). Logits are float32 again.
    :param flips: whether each tile is looked at mirrored as well; `scales`: at which sizes.
    :raises OptionError: for scales that can't be.
    """

    def __init__(
        self, model: nn.Module, *, half: bool = False, flips: bool = False, scales: Sequence[float] = (1.0,)
    ) -> None:
        self.model = model if tuple(scales) == (1.0,) and not flips else Augmented(model, scales, flips)
        self.half = half
        parameter = next(model.parameters())
        self.device, self.precision = parameter.device, parameter.dtype

    def __call__(self, tiles: Tensor) -> Logits:
        precision = self.precision if tiles.is_floating_point() else tiles.dtype  # no image: the model says so
        with evaluating(self.model), torch.inference_mode():
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                logits = self.model(tiles.to(self.device, precision))
            return (
                {name: _single(each) for name, each in logits.items()} if isinstance(logits, dict) else _single(logits)
            )


def on_devices(model: nn.Module, devices: Sequence[str]) -> list[nn.Module]:
    """The model on each device: itself on the first, copies on the others.

    :raises OptionError: for a device that isn't there, or none.
    """
    if not devices:
        raise OptionError("give a device, such as cpu or cuda")
    placed: list[nn.Module] = []
    for device in devices:
        try:
            placed.append((model if not placed else copy.deepcopy(model)).to(device))
        except (RuntimeError, AssertionError) as error:
            reason = str(error).strip().splitlines()[0]
            raise OptionError(f"the model can't be put on {device!r}: {reason}; try cpu, or cuda") from error
    return placed


def _single(logits: Tensor) -> Tensor:
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
