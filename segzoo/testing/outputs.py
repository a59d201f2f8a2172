"""What a module returns, as a list of tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from segzoo.testing.cases import Features


def outputs(module: nn.Module, inputs: Features) -> list[Tensor]:
    """The tensors that a module returns for a copy of its inputs, one or several, as a list.

    A copy, so that a module that writes into its inputs fails the one check of that alone.
    """
    output = module(inputs.clone() if isinstance(inputs, Tensor) else [each.clone() for each in inputs])
    return list(tensors(output))


def tensors(output: Any) -> Iterator[Tensor]:
    """The tensors in what a module returned: itself, or those in a list or tuple, at any depth."""
    if isinstance(output, Tensor):
        yield output
    else:
        for each in output:
            yield from tensors(each)
