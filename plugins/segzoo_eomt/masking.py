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
from torch import Tensor
from torch.nn import functional as F

import segzoo

POWER = 0.9
"""Of the polynomial by which masking ends."""


def masking_probabilities(progress: float, blocks: int) -> list[float]:
    """How likely a query is masked in each of some blocks: from 1 to 0, in the first block first.

    Training has as many parts as there are blocks, and two more: in the first all is masked, in the last nothing.

    :param progress: the share of the training that is done, 0 to 1.
    """
    parts = blocks + 2
    done = (min(max(progress * parts - (block + 1), 0.0), 1.0) for block in range(blocks))
    return [(1 - each) ** POWER for each in done]


def attention_mask(mask_logits: Tensor, probability: Tensor, grid: Sequence[int], prefix: int) -> Tensor:
    """Which token may attend to which: a query to the patches within its mask so far, each other to all.

    :param mask_logits: (B, Q, h, w).
    :param probability: that a query is masked at all, a scalar.
    :param grid: of the patches.
    :param prefix: how many tokens stand between queries and patches.
    :returns: (B, 1, T, T) bool: True where the token of the row may attend to that of the column.
    """
    within = segzoo.nn.resize(mask_logits.detach(), grid).flatten(2) > 0
    free = torch.rand_like(mask_logits[..., :1, 0]) >= probability
    queries, patches = within.shape[1:]
    return F.pad(within | free, (queries + prefix, 0, 0, prefix + patches), value=True)[:, None]
