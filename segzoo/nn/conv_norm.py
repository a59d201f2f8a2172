"""A convolution and the norm after it, in inference as one: its scale and shift go into the weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from segzoo.nn.batch_norm import BatchNorm2d
from segzoo.nn.layout import channels_last_to_infer


def conv_norm(features: Tensor, conv: nn.Conv2d, norm: nn.Module) -> Tensor:
    """`norm(conv(features))`: (B, C, H, W) to (B, out, H', W').

    In inference a batch norm is a scale and a shift of each channel, which the convolution takes over: a large map is
    passed over once less. Where gradients are asked for, and in a graph that is traced, both stay as they are.
    """
    if not in_inference(conv, norm) or type(conv) is not nn.Conv2d or conv.padding_mode != "zeros":
        return norm(conv(features))
    weight, bias = folded(conv.weight, conv.bias, norm)
    if conv.groups == 1 or conv.dilation == (1, 1):  # a dilated one of single channels is slower so
        weight = channels_last_to_infer(weight)
    result = F.conv2d(features, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)
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


def folded(weight: Tensor, bias: Tensor | None, norm: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weight (out, C, k, k) and bias (out,) of a convolution with the norm after it, if that can be folded."""
    if not is_folded(norm) or not isinstance(norm, nn.BatchNorm2d):
        return weight, bias
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return fuse_conv_bn_weights(weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
