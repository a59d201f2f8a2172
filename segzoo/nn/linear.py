"""Recognising a linear layer that another may be multiplied with."""

from __future__ import annotations

from typing import TypeGuard

from torch import nn


def is_linear(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether it is a plain 1x1 convolution that nobody listens to; what derives from that may compute another."""
    if type(layer) is not nn.Conv2d or layer.groups > 1 or layer._forward_hooks or layer._forward_pre_hooks:
        return False
    return layer.kernel_size == layer.stride == (1, 1) and layer.padding == (0, 0)
