"""Masks that queries attend within while they learn, and do without in the end: EoMT, arXiv:2503.19108, section 3.3.

B  batch
N  patches
P  prefix tokens
Q  queries
T  tokens, Q + P + N
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo

POWER = 0.9
"""Of the polynomial by which masking ends."""


class AnnealedMasks(nn.Module):
    """Which token may attend to which, in each of some blocks: a query to the patches within its mask so far.

    Queries are masked by chance, in each block with a probability of its own, which falls from 1 to 0 as training goes
    on, in the first block first. Nothing else is masked.
    """

    probabilities: Tensor

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.register_buffer("probabilities", torch.ones(blocks), persistent=False)

    def anneal(self, progress: float) -> None:
        """Training has as many parts as blocks and two more: in the first all is masked, in the last nothing.

        :param progress: the share of the training that is done.
        """
        parts = self.probabilities.shape[0] + 2
        for block in range(parts - 2):
            done = min(max(progress * parts - (block + 1), 0.0), 1.0)
            self.probabilities[block] = (1 - done) ** POWER

    def forward(self, mask_logits: Tensor, block: int, grid: Sequence[int], prefix: int) -> Tensor:
        """(B, Q, h, w) to (B, 1, T, T): True where the token of the row may attend to that of the column.

        :param block: counted from the first that is masked.
        :param grid: of the patches.
        :param prefix: how many tokens stand between queries and patches.
        """
        within = segzoo.nn.resize(mask_logits.detach(), grid).flatten(2) > 0
        free = torch.rand_like(within[..., :1], dtype=torch.float32) >= self.probabilities[block]
        patches_and_prefix = prefix + within.shape[2]
        return F.pad(within | free, (within.shape[1] + prefix, 0, 0, patches_and_prefix), value=True)[:, None]
