"""The adaptive kernel update of K-Net, arXiv:2106.14855, equations 4 to 6.

B     batch
C     channels of a kernel, in G groups of D
K     kernels
"""

from __future__ import annotations

import math

from torch import Tensor, nn

WIDEST_GROUP = 256


class AdaptiveUpdate(nn.Module):
    """A kernel and what its mask has gathered, each let through by a gate that both decide.

    Channels are updated in groups of up to 256 with the same weights, as the authors' 512 are.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.width = width = math.gcd(channels, WIDEST_GROUP)
        self.gathered_in, self.gathered_out = nn.Linear(width, width), nn.Linear(width, width)
        self.kernel_in, self.kernel_out = nn.Linear(width, width), nn.Linear(width, width)
        self.gathered_gate, self.kernel_gate = GateOf(width), GateOf(width)
        self.gathered_norm, self.kernel_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.output = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width), nn.ReLU())

    def forward(self, gathered: Tensor, kernels: Tensor) -> Tensor:
        """(B, K, C) and (B, K, C) to (B, K, C)."""
        gathered, kernels = (each.unflatten(-1, (-1, self.width)) for each in (gathered, kernels))  # (B, K, G, D)
        both = self.gathered_in(gathered) * self.kernel_in(kernels)
        updated = self.gathered_gate(both) * self.gathered_norm(self.gathered_out(gathered))
        kept = self.kernel_gate(both) * self.kernel_norm(self.kernel_out(kernels))
        return self.output(updated + kept).flatten(-2)


class GateOf(nn.Sequential):
    """How much is let through, 0 to 1."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, width), nn.LayerNorm(width), nn.Sigmoid())
