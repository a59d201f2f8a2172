"""Convolution of a lateral and the coarser map that is added to it, as at the finest level of a feature pyramid."""

from __future__ import annotations

from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn.linear import is_linear
from segzoo.nn.resize import resize
from segzoo.nn.resized_conv import conv_of_resized, known


def conv_of_sum(conv: nn.Module, lateral: nn.Module, fine: Tensor, coarse: Tensor | None) -> Tensor:
    """`conv(lateral(fine) + resize(coarse, mode="nearest"))`, without the sum where that is cheaper.

    A convolution of a sum is a sum of convolutions. That of the lateral is one convolution of the map it comes from,
    by the product of both weights; that of a map that nearest resizing doubled takes 4 multiply-adds for 9.

    :param conv: of an odd kernel, keeps the size.
    :param lateral: a 1x1 convolution.
    :param fine: (B, C, H, W).
    :param coarse: (B, P, h, w), P being what `lateral` gives; None where there is nothing to add.
    :returns: (B, out, H, W).
    """
    size = fine.shape[-2:]
    if coarse is None:
        return conv(lateral(fine))
    if not (is_linear(lateral) and _keeps_size(conv) and _is_cheaper(conv, lateral, fine, coarse)):
        return conv(lateral(fine) + resize(coarse, size, mode="nearest"))
    weight = torch.einsum("opyx,pc->ocyx", conv.weight, lateral.weight[..., 0, 0])
    summed = conv_of_resized(fine, weight, conv.bias, size, "nearest")
    summed = conv_of_resized(coarse, conv.weight, None, size, "nearest", onto=summed)
    if lateral.bias is None:
        return summed
    # Beyond the border there are zeros, not the lateral's bias: what it adds to the result is less there.
    passed = torch.einsum("opyx,p->oyx", conv.weight, lateral.bias)[:, None]
    return summed + F.conv2d(summed.new_ones(1, 1, *size), passed, padding=conv.weight.shape[-1] // 2)


def _keeps_size(conv: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether it is a plain convolution that keeps the size, and nobody listens to it."""
    if type(conv) is not nn.Conv2d or conv._forward_hooks or conv._forward_pre_hooks or conv.padding_mode != "zeros":
        return False
    kernel, width = conv.kernel_size
    geometry = conv.stride, conv.dilation, conv.groups, conv.padding
    return kernel == width and geometry == ((1, 1), (1, 1), 1, (kernel // 2, kernel // 2))


def _is_cheaper(conv: nn.Conv2d, lateral: nn.Conv2d, fine: Tensor, coarse: Tensor) -> bool:
    """By multiply-adds, where the coarser map is exactly doubled; elsewhere little is won."""
    (batch, channels, height, width), (h, w) = fine.shape, coarse.shape[-2:]
    if not (known(height == 2 * h) and known(width == 2 * w) and conv.kernel_size == (3, 3)):
        return False
    between, out = conv.in_channels, conv.out_channels
    pixels = batch * height * width
    plain = pixels * between * (channels + 9 * out)
    apart = pixels * out * (9 * channels + 4 * between) + 9 * channels * between * out
    return known(apart < plain)
