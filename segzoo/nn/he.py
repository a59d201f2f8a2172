"""He's initialisation, which decoders of convolutions and ReLUs start from, arXiv:1502.01852."""

from __future__ import annotations

from torch import nn


def he_initialise(module: nn.Module) -> None:
    """Weights of a convolution uniform with variance 2 / fan-in, biases zero; for `decoder.apply(he_initialise)`."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
