"""Terms of a loss of masks, and what the same terms say of all pairs of predicted and true masks.

N  masks
Q  predicted masks
P  places
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from segzoo.losses.places import Held

ALPHA, GAMMA = 0.25, 2.0


class MaskTerm(NamedTuple):
    """One term.

    :ivar loss: of each mask, (N,).
    :ivar cost: of each pair, (Q, N), by which masks are matched.
    """

    loss: Callable[[Held], Tensor]
    cost: Callable[[Held], Tensor]


def bce(held: Held) -> Tensor:
    """Binary cross-entropy of each mask, the mean over its places."""
    return _mean(F.binary_cross_entropy_with_logits(held.logits, held.targets, reduction="none"), held.counted)


def bce_cost(held: Held) -> Tensor:
    """Binary cross-entropy of each pair."""
    return _paired(F.softplus(-held.logits), F.softplus(held.logits), held)


def focal(held: Held) -> Tensor:
    """Focal loss of each mask, arXiv:1708.02002, the mean over its places."""
    probability = held.logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(held.logits, held.targets, reduction="none")
    right = probability * held.targets + (1 - probability) * (1 - held.targets)
    balance = ALPHA * held.targets + (1 - ALPHA) * (1 - held.targets)
    return _mean(balance * (1 - right) ** GAMMA * entropy, held.counted)


def focal_cost(held: Held) -> Tensor:
    """Focal loss of each pair."""
    probability = held.logits.sigmoid()
    inside = ALPHA * (1 - probability) ** GAMMA * F.softplus(-held.logits)
    outside = (1 - ALPHA) * probability**GAMMA * F.softplus(held.logits)
    return _paired(inside, outside, held)


def dice(held: Held) -> Tensor:
    """Dice loss of each mask, arXiv:1606.04797, smoothed by one pixel."""
    predicted, true = held.logits.sigmoid() * held.counted, held.targets * held.counted
    return 1 - (2 * (predicted * true).sum(1) + 1) / (predicted.sum(1) + true.sum(1) + 1)


def dice_cost(held: Held) -> Tensor:
    """Dice loss of each pair."""
    predicted, true = held.logits.sigmoid() * held.counted, held.targets * held.counted
    return 1 - (2 * predicted @ true.T + 1) / (predicted.sum(1)[:, None] + true.sum(1) + 1)


MASK_TERMS = {"bce": MaskTerm(bce, bce_cost), "focal": MaskTerm(focal, focal_cost), "dice": MaskTerm(dice, dice_cost)}


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    """(N, P) to (N,), over the places that count; 0 where none does."""
    return (values * counted).sum(1) / counted.sum(1).clamp_min(1)


def _paired(inside: Tensor, outside: Tensor, held: Held) -> Tensor:
    """The mean over places of what is lost inside of true masks, and outside of them: (Q, P) to (Q, N)."""
    true = held.targets * held.counted
    return (inside @ true.T + outside @ (held.counted - true).T) / held.counted.sum().clamp_min(1)
