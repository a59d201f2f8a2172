"""A convolution and the norm after it, in inference as one: its scale and shift go into the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from segzoo.nn.batch_norm import BatchNorm2d
from segzoo.nn.layout import channels_last_to_infer
from segzoo.nn.plain_conv import conv2d

NO_NORM = nn.Identity()


def conv_norm(features: Tensor, conv: nn.Module, norm: nn.Module = NO_NORM) -> Tensor:
    """`norm(conv(features))`, of a convolution or a transposed one: (B, C, H, W) to (B, out, H', W').

    In inference a batch norm is a scale and a shift of each channel, which the convolution takes over: a large map is
    passed over once less. Where gradients are asked for, and in a graph that is traced, both stay as they are.
    """
    # Of these types exactly: what derives from one may compute something else.
    if not in_inference(conv, norm) or type(conv) not in (nn.Conv2d, nn.ConvTranspose2d):
        return norm(conv(features))
    assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
    if conv.padding_mode != "zeros":
        return norm(conv(features))
    weight, bias = folded(conv.weight, conv.bias, norm, transposed=isinstance(conv, nn.ConvTranspose2d))
    if conv.groups == 1 or conv.dilation == (1, 1):  # a dilated one of single channels is slower so
        features = channels_last_to_infer(features)
    geometry: dict[str, Any] = {name: getattr(conv, name) for name in ("stride", "padding", "dilation", "groups")}
    if isinstance(conv, nn.ConvTranspose2d):
        result = F.conv_transpose2d(features, weight, bias, output_padding=conv.output_padding, **geometry)
    else:
        result = conv2d(features, weight, bias, **geometry)
    return result if is_folded(norm) else norm(result)


def in_inference(*modules: nn.Module) -> bool:
    """Whether no one but their results' reader can tell how modules compute: no gradients, no trace, no hooks."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    return not any(each._forward_hooks or each._forward_pre_hooks for each in modules)


def is_folded(norm: nn.Module) -> bool:
    """Whether a norm is a scale and a shift of each channel: a batch norm in eval mode, or none at all."""
    # Of these types exactly: what derives from one may compute something else.
    if type(norm) in (nn.BatchNorm2d, BatchNorm2d):
        return not norm.training and norm.running_mean is not None
    return type(norm) is nn.Identity


def folded(
    weight: Tensor, bias: Tensor | None, norm: nn.Module, transposed: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Weight (out, C, k, k) and bias (out,) of a convolution with the norm after it, if that can be folded.

    :param transposed: whether the weight is a transposed convolution's, (C, out, k, k).
    """
    if not is_folded(norm) or not isinstance(norm, nn.BatchNorm2d):
        return weight, bias
    assert norm.running_mean is not None
    assert norm.running_var is not None
    statistics = norm.running_mean, norm.running_var, norm.eps
    return fuse_conv_bn_weights(weight, bias, *statistics, norm.weight, norm.bias, transpose=transposed)
