"""Memory layout: a CPU resizes a map four times as fast with its channels innermost, and convolves it faster.

A convolution, a norm and a sum pass the layout of their first operand on, so a chain of them needs to be given it once.
Shapes stay (B, C, H, W).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from segzoo.nn.large_map import is_plain, new_map

CACHE_LINE = 64
"""Bytes that a processor writes at once."""


def channels_last(feature: Tensor) -> Tensor:
    """A map with its channels innermost, on a CPU: (B, C, H, W), the same numbers.

    For a decoder to give to what it begins with. In training the backward pass keeps the copy, so it is worth most
    where the map is small beside what is computed from it.
    """
    if feature.device.type != "cpu" or torch.compiler.is_compiling():
        return feature
    if feature.shape[-2:] == (1, 1) and feature.numel():
        # There is nothing to copy: only the strides say that the layout is another.
        return feature.flatten(1)[:, None, None].permute(0, 3, 1, 2)
    if feature.is_contiguous(memory_format=torch.channels_last):
        return feature
    return _ToChannelsLast.apply(feature)


def add_maps(feature: Tensor, other: Tensor) -> Tensor:
    """`feature + other`, both (B, C, H, W), of any layouts: on a CPU the sum has its channels innermost."""
    if not (is_plain(feature) and is_plain(other)) or feature.dtype != other.dtype:
        return feature + channels_last(other)
    made = new_map(feature.shape, feature)
    if all(each.is_contiguous(memory_format=torch.channels_last) for each in (feature, other)):
        return torch.add(feature, other, out=made)
    for target, *operands in by_cache_line(made, feature, other):  # no layout is changed before the sum
        torch.add(*operands, out=target)
    return made


def by_cache_line(*maps: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Maps of one shape (B, C, H, W), as many channels at a time as fill a cache line."""
    at_once = max(1, CACHE_LINE // maps[0].element_size())
    return zip(*(each.split(at_once, dim=1) for each in maps), strict=True)


class _ToChannelsLast(torch.autograd.Function):
    """`contiguous(memory_format=torch.channels_last)`, as many channels at a time as fill a cache line.

    Torch's own goes through all channels of a pixel, each from another page of memory: two to four times slower.
    """

    @staticmethod
    def forward(feature: Tensor) -> Tensor:
        copy = new_map(feature.shape, feature)
        for target, source in by_cache_line(copy, feature):
            target.copy_(source)
        return copy

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        """Nothing is kept: the numbers are the same, and so are their gradients."""

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        return tangent


def channels_last_to_train(feature: Tensor) -> Tensor:
    """The same only where gradients are asked for: in inference each block gives what it takes that layout."""
    return channels_last(feature) if torch.is_grad_enabled() else feature


def channels_last_to_infer(operand: Tensor) -> Tensor:
    """The same for an operator's weight or map, but nothing that the backward pass would keep is copied."""
    return operand if torch.is_grad_enabled() and operand.shape[-2:] != (1, 1) else channels_last(operand)
