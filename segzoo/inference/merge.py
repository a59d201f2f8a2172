"""Merging: two linear layers in a row are one matrix, and in inference it is always the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.inference.replace import replace
from segzoo.nn.linear import Linear2d


class MergedLinear2d(nn.Module):
    """A `Linear2d` and the linear layer after it: (B, in, H, W) to (B, after, H, W)."""

    def __init__(self, linear: Linear2d, onward: Tensor) -> None:
        super().__init__()
        weight = onward.flatten(1) @ linear.weight.flatten(1)
        self.weight = nn.Parameter(weight[..., None, None])
        self.bias = None if linear.bias is None else nn.Parameter(onward.flatten(1) @ linear.bias)

    def forward(self, features: Tensor, onward: Tensor) -> Tensor:
        """Map each pixel by both, whose matrix holds `onward` already."""
        return F.conv2d(features, self.weight, self.bias)


def merge_linears(model: nn.Module, image: Tensor) -> int:
    """Multiply each `Linear2d` with the weight that it is handed, once instead of in each forward.

    A layer is left alone where that weight is no part of a parameter, where it runs more than once, or where both
    matrices in turn cost less.

    :param model: in eval mode; it is changed.
    :param image: what the model takes.
    :returns: how many were merged.
    """
    calls: Counter[nn.Module] = Counter()
    handed: dict[Linear2d, Tensor] = {}

    def ran(linear: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        calls[linear] += 1
        if len(inputs) == 2 and _is_cheaper_merged(linear, inputs[1]):
            handed[linear] = inputs[1]

    hooks = [module.register_forward_hook(ran) for module in model.modules() if type(module) is Linear2d]
    try:
        model(image)
    finally:
        for hook in hooks:
            hook.remove()
    parameters = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    fixed = [
        (linear, onward)
        for linear, onward in handed.items()
        if calls[linear] == 1 and onward.untyped_storage().data_ptr() in parameters
    ]
    for linear, onward in fixed:
        replace(model, linear, MergedLinear2d(linear, onward))
    return len(fixed)


def _is_cheaper_merged(linear: Linear2d, onward: Tensor) -> bool:
    """Whether one matrix takes fewer products at a pixel than two."""
    (between, before), after = linear.weight.shape[:2], onward.shape[0]
    return before * after <= between * (before + after)
