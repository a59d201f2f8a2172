"""The promises of any module: a decoder, an encoder or a neck."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from segzoo.testing.cases import Features, Subject
from segzoo.testing.encoder_subject import EncoderSubject
from segzoo.testing.outputs import outputs, tensors
from segzoo.testing.results import ConformanceError

CHANNELS_LAST_TOLERANCE = 1e-3
"""Of the largest value: the same sums in another order."""
BFLOAT16_TOLERANCE = 0.1
"""Of the largest value: bfloat16 has 8 bits of precision, and a decoder some ten layers."""
NAMED = 5


def gradients(subject: Subject[Any]) -> None:
    """Every parameter gets a finite gradient: no layer is kept that the output doesn't need."""
    for case in subject.witnesses():
        module = case.build().train()
        module.zero_grad()
        gradient_loss(outputs(module, case.inputs())).backward()
        without = [name for name, parameter in module.named_parameters() if parameter.grad is None]
        if without:
            raise ConformanceError(f"{case.where}: the output doesn't depend on {some(without)}")
        broken = [name for name, each in module.named_parameters() if not _finite([each.grad])]
        if broken:
            raise ConformanceError(f"{case.where}: the gradient is not finite for {some(broken)}")


def no_empty_parameters(subject: Subject[Any]) -> None:
    """No parameter is without elements, not even where an encoder has placeholders."""
    for case in subject.cases():
        with torch.device("meta"):
            module = case.build()
        empty = [name for name, parameter in module.named_parameters() if not parameter.numel()]
        if empty:
            raise ConformanceError(f"{case.where}: without elements: {some(empty)}")


def untouched_inputs(subject: Subject[Any]) -> None:
    """What it is given is never written to, in train and in eval mode."""
    for case in subject.witnesses():
        for mode in (True, False):
            module, inputs = case.build().train(mode), case.inputs()
            before = [each.clone() for each in _listed(inputs)]
            module(inputs)
            for number, (was, now) in enumerate(zip(before, _listed(inputs), strict=True)):
                if not torch.equal(was, now):
                    raise ConformanceError(
                        f"{case.where}, in {mode_name(mode)} mode: forward writes into input {number}, (B, C, H, W) = "
                        f"{tuple(was.shape)}; others read it too: compute out of place"
                    )


def batch_of_one(subject: Subject[Any]) -> None:
    """A single image trains and is segmented: finite output and gradients for a batch of one."""
    for case in subject.witnesses():
        for mode in (True, False):
            module = case.build().train(mode)
            found = outputs(module, case.inputs(batch=1))
            if any(len(each) != 1 for each in found) or not _finite(found):
                raise ConformanceError(
                    f"{case.where}, in {mode_name(mode)} mode: the output for one image is not finite"
                )
            if mode:
                gradient_loss(found).backward()
                if not _finite(parameter.grad for parameter in module.parameters()):
                    raise ConformanceError(f"{case.where}: the gradients for one image are not finite")


def bfloat16(subject: Subject[Any]) -> None:
    """Under bfloat16 autocast the output stays near that of float32, and the gradients finite."""
    for case in subject.witnesses():
        module, inputs = case.build(), case.inputs()
        with torch.no_grad():
            expected = outputs(module.eval(), inputs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = outputs(module.eval(), inputs)
            loss = gradient_loss(outputs(module.train(), inputs))
        module.zero_grad()
        loss.backward()
        hold_close(found, expected, BFLOAT16_TOLERANCE, f"{case.where}: under bfloat16 autocast")
        if not _finite(parameter.grad for parameter in module.parameters()):
            raise ConformanceError(f"{case.where}: the gradients under bfloat16 autocast are not finite")


def channels_last(subject: Subject[Any]) -> None:
    """In the channels-last memory format it gives the same output."""
    for case in subject.witnesses():
        module, inputs = case.build().eval(), case.inputs()
        with torch.no_grad():
            expected = outputs(module, inputs)
            module.to(memory_format=torch.channels_last)
            found = outputs(module, _mapped(inputs, lambda each: each.contiguous(memory_format=torch.channels_last)))
        hold_close(found, expected, CHANNELS_LAST_TOLERANCE, f"{case.where}: in channels-last format")


def deterministic(subject: Subject[Any]) -> None:
    """In eval mode the same features give the same output each time, and its buffers stay as they are."""
    for case in subject.witnesses():
        module, inputs = case.build().eval(), case.inputs()
        before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        with torch.no_grad():
            first, second = (outputs(module, inputs) for _ in range(2))
        if not all(map(torch.equal, first, second)):
            raise ConformanceError(f"{case.where}: two forwards in eval mode differ")
        changed = [name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])]
        if changed:
            raise ConformanceError(f"{case.where}: a forward in eval mode changes {some(changed)}")


def state_dict(subject: Subject[Any]) -> None:
    """Its weights survive safetensors: another instance that loads them gives the same output."""
    for case in subject.witnesses():
        module, other, inputs = case.build().eval(), case.build().eval(), case.inputs()
        other.load_state_dict(safetensors.torch.load(safetensors.torch.save(module.state_dict())))
        with torch.no_grad():
            first, second = (outputs(each, inputs) for each in (module, other))
        if not all(map(torch.equal, first, second)):
            raise ConformanceError(f"{case.where}: with the same weights another instance gives another output")


def meta(subject: Subject[Any]) -> None:
    """It is built and run on the meta device, where planning needs no memory."""
    if isinstance(subject, EncoderSubject):
        subject.not_if_built()
    for case in subject.witnesses():
        with torch.device("meta"):
            module = case.build().eval()
        elsewhere = [name for name, tensor in module.state_dict().items() if not tensor.is_meta]
        if elsewhere:
            raise ConformanceError(f"{case.where}: built elsewhere than on the default device: {some(elsewhere)}")
        with torch.device("meta"), torch.no_grad():
            found = outputs(module, case.inputs(device="meta"))
        if not all(each.is_meta for each in found):
            raise ConformanceError(f"{case.where}: a forward on the meta device returns a tensor that is elsewhere")


def hold_close(found: list[Tensor], expected: list[Tensor], tolerance: float, what: str) -> None:
    """Compare outputs.

    :param tolerance: of the largest expected value.
    :raises ConformanceError: when they differ by more, in number or in shape.
    """
    shapes = [[tuple(each.shape) for each in side] for side in (found, expected)]
    if shapes[0] != shapes[1]:
        raise ConformanceError(f"{what} the output has shape {shapes[0]}, else {shapes[1]}")
    for one, other in zip(found, expected, strict=True):
        if not one.numel():
            continue
        difference, largest = ((each.float().abs().max().item()) for each in (one - other, other))
        off = difference / (largest or 1)
        if not off <= tolerance:
            raise ConformanceError(
                f"{what} the output is off by {off:.2g} of its largest value; {tolerance} is allowed"
            )


def gradient_loss(output: Any) -> Tensor:
    """A number that depends on all of a module's outputs."""
    means = [each.float().square().mean() for each in tensors(output) if each.requires_grad and each.numel()]
    return torch.stack(means).sum()


def _finite(tensors: Iterable[Tensor | None]) -> bool:
    return all(each is None or bool(each.isfinite().all()) for each in tensors)


def _listed(inputs: Features) -> list[Tensor]:
    return [inputs] if isinstance(inputs, Tensor) else inputs


def _mapped(inputs: Features, change: Callable[[Tensor], Tensor]) -> Features:
    return change(inputs) if isinstance(inputs, Tensor) else [change(each) for each in inputs]


def mode_name(train: bool) -> str:
    """Of train or eval mode, for messages."""
    return "train" if train else "eval"


def some(names: list[str]) -> str:
    """The first of many names, for messages."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
