"""Peers as they are saved by their own packages, with weights that show a mix-up."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def disturb(model: nn.Module) -> nn.Module:
    """Biases, norms and running statistics are zeros and ones at first: nobody would see them mixed up."""
    torch.manual_seed(0)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.7, 1.4)
        for name, parameter in model.named_parameters():
            if parameter.ndim < 2 or "position" in name or "token" in name:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def difference(got: Tensor, expected: Tensor) -> float:
    """The largest, as a fraction of the largest expected value."""
    assert got.shape == expected.shape
    return float((got - expected).abs().max() / expected.abs().max())
