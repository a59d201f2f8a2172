"""Memory layout: a CPU resizes a map four times as fast with its channels innermost, and convolves it faster.

A convolution, a norm and a sum pass the layout of their first operand on, so a chain of them needs to be given it once.
Shapes stay (B, C, H, W).
"""

from __future__ import annotations

import torch
from torch import Tensor


def channels_last(feature: Tensor) -> Tensor:
    """A map with its channels innermost, on a CPU: (B, C, H, W), the same numbers.

    For a decoder to give to what it begins with. In training the backward pass keeps the copy, so it is worth most
    where the map is small beside what is computed from it.
    """
    if feature.device.type != "cpu" or torch.compiler.is_compiling():
        return feature
    if feature.shape[-2:] == (1, 1):  # nothing to copy: only the strides say that the layout is another
        return feature.flatten(1)[:, None, None].permute(0, 3, 1, 2)
    return feature.contiguous(memory_format=torch.channels_last)


def channels_last_to_train(feature: Tensor) -> Tensor:
    """The same only where gradients are asked for: in inference convolutions bring it with their weights."""
    return channels_last(feature) if torch.is_grad_enabled() else feature


def channels_last_to_infer(operand: Tensor) -> Tensor:
    """The same for an operator's weight or map, but nothing that the backward pass would keep is copied."""
    return operand if torch.is_grad_enabled() and operand.shape[-2:] != (1, 1) else channels_last(operand)
