"""Norm, activation, convolution, keeping one map for the backward pass where autograd keeps two."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.grad import conv2d_input, conv2d_weight

from segzoo.nn.batch_norm import BatchNorm2d


def norm_act_conv(features: Tensor, norm: nn.Module, act: nn.Module, conv: nn.Module) -> Tensor:
    """`conv(act(norm(features)))`: (B, C, H, W) to (B, out, H', W').

    Autograd keeps the norm's input and the convolution's. With a batch norm and a ReLU, in training, the latter is
    computed again from the former instead: a small part of what the convolution costs, for half of the memory.
    Gradients of such gradients are not to be had. A compiled graph is left to the compiler, which recomputes by itself.
    """
    if torch.compiler.is_compiling() or not torch.is_grad_enabled() or not _recomputable(features, norm, act, conv):
        return conv(act(norm(features)))
    return NormActConv.apply(features, norm.weight, norm.bias, conv.weight, conv.bias, norm, act, conv)


def _recomputable(features: Tensor, norm: nn.Module, act: nn.Module, conv: nn.Module) -> bool:
    if any(each._forward_hooks or each._forward_pre_hooks for each in (norm, act, conv)):
        return False
    # Of these types exactly: what derives from one may compute something else.
    if type(act) is not nn.ReLU or not isinstance(conv, nn.Conv2d) or type(conv) is not nn.Conv2d:
        return False
    if not isinstance(norm, nn.BatchNorm2d) or type(norm) not in (nn.BatchNorm2d, BatchNorm2d):
        return False
    by_batch = norm.training and norm.affine and features.numel() > norm.num_features
    return by_batch and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)


class NormActConv(torch.autograd.Function):
    """Batch norm in train mode, ReLU, convolution, of which the norm's input alone is kept."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        norm_weight: Tensor,
        norm_bias: Tensor,
        conv_weight: Tensor,
        conv_bias: Tensor | None,
        norm: nn.BatchNorm2d,
        act: nn.Module,
        conv: nn.Conv2d,
    ) -> Tensor:
        ctx.save_for_backward(features, norm_weight, norm_bias, conv_weight)
        ctx.eps = norm.eps
        ctx.geometry = conv.stride, conv.padding, conv.dilation, conv.groups
        return conv(act(norm(features)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        conv_weight = saved[3].to(gradient.dtype)
        with torch.enable_grad():
            features, norm_weight, norm_bias = (each.detach().requires_grad_() for each in saved[:3])
            normed = F.batch_norm(features, None, None, norm_weight, norm_bias, training=True, eps=ctx.eps)
            activated = normed.relu_().to(gradient.dtype)
        above = conv2d_input(activated.shape, conv_weight, gradient, *ctx.geometry)
        below = torch.autograd.grad(activated, (features, norm_weight, norm_bias), above)
        _, _, _, weight_needed, bias_needed, *_ = ctx.needs_input_grad
        weight = bias = None
        if weight_needed:
            weight = conv2d_weight(activated.detach(), conv_weight.shape, gradient, *ctx.geometry).to(saved[3].dtype)
        if bias_needed:
            bias = gradient.sum(dim=(0, 2, 3)).to(saved[3].dtype)
        return *below, weight, bias, None, None, None
