"""A plain convolution, in inference on a CPU in the cheapest way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from segzoo.nn.large_map import is_plain, large_map
from segzoo.nn.winograd import conv_by_tiles, is_faster


def conv2d(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] | str = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
    onto: Tensor | None = None,
) -> Tensor:
    """`F.conv2d`: (B, C, H, W) to (B, out, H', W').

    In inference on a CPU, in float32, a 3x3 convolution of many channels takes Winograd's form, whose rounding errors
    are some five times as large, and a large result is put into memory that is kept for such.

    :param onto: a map of the result's shape to add it to, in place.
    """
    plain = partial(F.conv2d, features, weight, bias, stride, padding, dilation, groups)
    if isinstance(padding, str) or features.dtype != torch.float32 or not is_plain(features):
        return added(onto, plain())
    if _suits_tiles(weight, (*stride, *padding, *dilation, groups)) and is_faster(features, weight):
        return added(onto, conv_by_tiles(features, weight, bias))
    if _can_add():
        if onto is None:  # to add is the one form that takes memory given to it
            onto = large_map(_result(features, weight, stride, padding, dilation), features, torch.channels_last)
            onto = None if onto is None else onto.zero_()
        if onto is not None and is_addable(onto):
            add = torch.ops.mkldnn._convolution_pointwise_.binary
            return add(onto, features, weight, bias, padding, stride, dilation, groups, "add", 1.0, None, [], None)
    return added(onto, plain())


def added(onto: Tensor | None, result: Tensor) -> Tensor:
    """The result, or what it was to be added to in place."""
    if onto is None:
        return result
    onto += result
    return onto


def is_addable(onto: Tensor) -> bool:
    """Whether an operator can add to a map itself: in inference, with the channels innermost."""
    return onto.dtype == torch.float32 and is_plain(onto) and onto.is_contiguous(memory_format=torch.channels_last)


def _suits_tiles(weight: Tensor, geometry: Sequence[int]) -> bool:
    """Whether Winograd's form can serve: a 3x3 convolution keeps the size, and products are as exact as can be.

    The way back from tiles magnifies a product's errors.
    """
    keeps_size = weight.shape[-2:] == (3, 3) and all(each == 1 for each in geometry)
    return keeps_size and torch.get_float32_matmul_precision() == "highest"


def _result(
    features: Tensor, weight: Tensor, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> tuple[int, ...]:
    sides = zip(features.shape[-2:], weight.shape[-2:], stride, padding, dilation, strict=True)
    lengths = ((side + 2 * pad - dilate * (kernel - 1) - 1) // step + 1 for side, kernel, step, pad, dilate in sides)
    return features.shape[0], weight.shape[0], *lengths


def _can_add() -> bool:
    """Whether torch has oneDNN, and may use it."""
    return bool(torch.backends.mkldnn.enabled) and hasattr(torch.ops.mkldnn, "_convolution_pointwise_")
