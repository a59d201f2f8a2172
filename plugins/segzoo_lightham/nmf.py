"""Non-negative matrix factorisation as a layer: Is Attention Better Than Matrix Decomposition?, arXiv:2109.04553.

B  batch
C  channels
N  pixels
R  rank: basis vectors, much fewer than pixels
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-6


class NMF(nn.Module):
    """A map (B, C, h, w) without negatives, approximated by a product of low rank that has none either.

    The iteration starts from random bases. In train mode they are drawn anew for each image, as in the paper. In eval
    mode they are those drawn when the layer was made, which are saved with the weights: the same image gives the same
    result, alone or in a batch. Gradients pass through the last step alone (the paper's one-step gradient).

    :param train_steps: of the multiplicative update, in train mode; `eval_steps` in eval mode.
    """

    bases: Tensor

    def __init__(self, channels: int, rank: int, train_steps: int, eval_steps: int) -> None:
        super().__init__()
        self.train_steps = train_steps
        self.eval_steps = eval_steps
        self.register_buffer("bases", F.normalize(torch.rand(channels, rank), dim=0))

    def forward(self, features: Tensor) -> Tensor:
        pixels = features.flatten(2)
        with torch.no_grad():
            bases, codes = self._decompose(pixels)
        codes = update_codes(pixels, bases, codes)
        return (bases @ codes).view_as(features)

    def _decompose(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        bases = self._first_bases(pixels)
        codes = (bases.transpose(-2, -1) @ pixels).softmax(dim=1)
        for _ in range(self.train_steps if self.training else self.eval_steps):
            codes = update_codes(pixels, bases, codes)
            bases = update_bases(pixels, bases, codes)
        return bases, codes

    def _first_bases(self, pixels: Tensor) -> Tensor:
        bases = self.bases.to(pixels.dtype).expand(pixels.shape[0], -1, -1)
        return F.normalize(torch.rand_like(bases), dim=1) if self.training else bases


def update_codes(pixels: Tensor, bases: Tensor, codes: Tensor) -> Tensor:
    """Lee and Seung's multiplicative update of the codes (B, R, N): it keeps the sign, and the error never grows.

    :param pixels: what is approximated, (B, C, N).
    :param bases: (B, C, R).
    """
    return codes * (bases.transpose(-2, -1) @ pixels) / (bases.transpose(-2, -1) @ bases @ codes + EPSILON)


def update_bases(pixels: Tensor, bases: Tensor, codes: Tensor) -> Tensor:
    """The same for the bases (B, C, R)."""
    return bases * (pixels @ codes.transpose(-2, -1)) / (bases @ (codes @ codes.transpose(-2, -1)) + EPSILON)
