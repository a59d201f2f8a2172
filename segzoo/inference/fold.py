"""Folding: a batch norm in eval mode is a scale and a shift, which the convolution before it takes over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode

from segzoo.inference.replace import replace

Conv = nn.Conv2d | nn.ConvTranspose2d
Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm

TOLERANCE = 1e-4
"""Of the largest value."""


def fold_norms(model: nn.Module, image: Tensor) -> None:
    """Fold each batch norm into the convolution before it, with torch's own fusion, where that changes nothing.

    Which convolution that is depends on no name: one forward is watched. A norm is folded where its input is what a
    convolution returned, nothing else used that, and each of the two ran once. The folded pair must then give what the
    pair gave. What a norm's class does besides (timm's has an activation) stays.

    :param model: in eval mode; it is changed.
    :param image: what the model takes.
    """
    for pair in _watch(model, image):
        conv, norm, rest = pair.conv, pair.norm, _rest(pair.norm)
        weight, bias = conv.weight, conv.bias
        conv.weight, conv.bias = _fused(conv, norm)
        if difference(rest(conv(*pair.inputs, **pair.options)), pair.output) <= TOLERANCE:
            replace(model, norm, rest)
        else:
            conv.weight, conv.bias = weight, bias


def count_norms(model: nn.Module) -> int:
    """How many batch norms a model has."""
    return sum(isinstance(module, Norm) for module in model.modules())


def difference(one: Tensor, other: Tensor) -> float:
    """The largest difference between two tensors, as a part of the second's largest value."""
    largest = other.abs().max().clamp_min(torch.finfo(other.dtype).tiny)
    return float((one - other).abs().max() / largest)


@dataclass
class _Run:
    """One run of a convolution: what went in, what came out, and how often that was used."""

    conv: Conv
    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    output: Tensor
    uses: int = 0


@dataclass(frozen=True)
class _Pair:
    """A convolution and the norm of its output: what went into the first, and what came out of the second."""

    conv: Conv
    norm: Norm
    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    output: Tensor


class _Uses(TorchFunctionMode):
    """Counts how often the convolutions' outputs are used to compute something."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[int, _Run] = {}  # by the output's id, which is its own as long as the run holds it

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if result is None or any(True for _ in _tensors(result)):  # else a shape, a type or the like was read
            for tensor in _tensors((args, kwargs)):
                if run := self.runs.get(id(tensor)):
                    run.uses += 1
        return result


def _watch(model: nn.Module, image: Tensor) -> list[_Pair]:
    """The pairs that can be folded, found in one forward."""
    uses = _Uses()
    calls: Counter[nn.Module] = Counter()
    found: list[tuple[_Run, Norm, Tensor]] = []

    def conv_ran(conv: Any, inputs: tuple[Any, ...], options: dict[str, Any], output: Tensor) -> None:
        calls[conv] += 1
        uses.runs[id(output)] = _Run(conv, inputs, options, output)

    def norm_ran(norm: Any, inputs: tuple[Any, ...], options: dict[str, Any], output: Tensor) -> None:
        calls[norm] += 1
        if inputs and (run := uses.runs.get(id(inputs[0]))):
            found.append((run, norm, output.clone()))  # an activation may write into it

    hooks = [
        module.register_forward_hook(conv_ran if isinstance(module, Conv) else norm_ran, with_kwargs=True)
        for module in model.modules()
        if _takes_a_norm(module) or _is_a_scale(module)
    ]
    try:
        with uses:
            model(image)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        _Pair(run.conv, norm, run.inputs, run.options, output)
        for run, norm, output in found
        if run.uses == calls[run.conv] == calls[norm] == 1
    ]


def _takes_a_norm(module: nn.Module) -> TypeGuard[Conv]:
    """Whether it is a convolution whose weight is a plain parameter, and is laid out as torch's fusion has it."""
    if not isinstance(module, Conv) or "weight" not in dict(module.named_parameters(recurse=False)):
        return False
    return isinstance(module, nn.Conv2d) or module.groups == 1


def _is_a_scale(module: nn.Module) -> TypeGuard[Norm]:
    """Whether it is a batch norm by running statistics."""
    return isinstance(module, Norm) and not module.training and module.running_mean is not None


def _fused(conv: Conv, norm: Norm) -> tuple[nn.Parameter, nn.Parameter]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    statistics = norm.running_mean, norm.running_var, norm.eps
    transposed = isinstance(conv, nn.ConvTranspose2d)
    return fuse_conv_bn_weights(conv.weight, conv.bias, *statistics, norm.weight, norm.bias, transposed)


def _rest(norm: Norm) -> nn.Module:
    """What a norm's class does after the norm: its children, one after the other."""
    children = [child for child in norm.children() if not isinstance(child, nn.Identity)]
    return nn.Sequential(*children) if len(children) > 1 else children[0] if children else nn.Identity()


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in an argument or result."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
