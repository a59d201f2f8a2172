"""The promises to those who build around a module: wrappers, hooks, function transforms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from segzoo.testing.cases import Features, Subject
from segzoo.testing.modules import gradient_loss, hold_close, mode_name, some
from segzoo.testing.outputs import outputs
from segzoo.testing.results import ConformanceError

TOLERANCE = 1e-4
"""Of the largest value: the same arithmetic in another order."""
CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
"""Modules that are never called."""


class PassThrough(nn.Module):
    """Calls the module in it, as wrappers for checkpointing, sharding, adapters or quantisation do."""

    def __init__(self, wrapped: nn.Module) -> None:
        super().__init__()
        self.wrapped = wrapped

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self.wrapped(*inputs, **options)


def wrapped_children(subject: Subject[Any]) -> None:
    """Each submodule can be wrapped: a parent calls its children, and never reads what is in them."""
    for case in subject.witnesses(1):
        module, inputs = case.build(), case.inputs()
        for mode in (True, False):
            where = f"{case.where}, in {mode_name(mode)} mode, its submodules wrapped:"
            expected = _run(module.train(mode), inputs)
            with wrapped(module, called(module)):
                try:
                    found = _run(module, inputs)
                except Exception as error:
                    raise ConformanceError(f"{where} {type(error).__name__}: {error}") from error
            hold_close(found, expected, TOLERANCE, where)


def hooks(subject: Subject[Any]) -> None:
    """The forward hook of each submodule is called, in train and in eval mode, with gradients and without."""
    for case in subject.witnesses(1):
        module, inputs = case.build(), case.inputs()
        for mode in (True, False):
            for gradients in (True, False):
                if silent := _silent(module.train(mode), inputs, gradients):
                    how = f"in {mode_name(mode)} mode, {'with' if gradients else 'without'} gradients"
                    raise ConformanceError(f"{case.where}, {how}: never called are {some(silent)}")


def _silent(module: nn.Module, inputs: Features, gradients: bool) -> list[str]:
    """The submodules whose hooks a forward doesn't call."""
    silent = {module.get_submodule(name): name for name in called(module)}

    def hear(submodule: nn.Module, *_: Any) -> None:
        silent.pop(submodule, None)

    handles = [submodule.register_forward_hook(hear) for submodule in silent]
    with torch.set_grad_enabled(gradients):
        outputs(module, inputs)
    for handle in handles:
        handle.remove()
    return list(silent.values())


def functional(subject: Subject[Any]) -> None:
    """`torch.func.grad` passes through it: in eval mode with the gradients of `backward`, in train mode finite."""
    for case in subject.witnesses(1):
        module, inputs = case.build(), case.inputs()
        gradient_loss(outputs(module.eval(), inputs)).backward()
        expected = {name: each.grad for name, each in module.named_parameters()}
        found = _functional_gradients(module, inputs)
        for name in (name for name, each in expected.items() if each is not None):
            hold_close([found[name]], [expected[name]], TOLERANCE, f"{case.where}: torch.func.grad's {name}:")
        trained = _functional_gradients(module.train(), inputs)
        if broken := [name for name, each in trained.items() if not each.isfinite().all()]:
            raise ConformanceError(f"{case.where}: torch.func.grad's gradient is not finite for {some(broken)}")


def _functional_gradients(module: nn.Module, inputs: Features) -> dict[str, Tensor]:
    parameters = {name: each.detach() for name, each in module.named_parameters()}
    buffers = {name: each.clone() for name, each in module.named_buffers()}

    def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        copies = inputs.clone() if isinstance(inputs, Tensor) else [each.clone() for each in inputs]
        return gradient_loss(torch.func.functional_call(module, {**parameters, **buffers}, (copies,)))

    return torch.func.grad(loss)(parameters, buffers)


def called(module: nn.Module) -> list[str]:
    """The names of the submodules that are called: all but lists and dicts of modules."""
    return [name for name, each in module.named_modules() if name and not isinstance(each, CONTAINERS)]


@contextmanager
def wrapped(module: nn.Module, names: list[str]) -> Iterator[None]:
    """Some submodules wrapped, for a while."""
    places = [(module.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in names]
    children = [parent.get_submodule(own) for parent, own in places]
    for (parent, own), child in zip(places, children, strict=True):
        parent.register_module(own, PassThrough(child).train(child.training))
    try:
        yield
    finally:
        for (parent, own), child in zip(places, children, strict=True):
            parent.register_module(own, child)


def _run(module: nn.Module, inputs: Features) -> list[Tensor]:
    """With the same chance each time, and from the same buffers, which training may move."""
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = [each.detach() for each in outputs(module, inputs)]
    with torch.no_grad():
        for buffer, kept in before:
            buffer.copy_(kept)
    return found
