"""The terms of a loss. Each takes logits and a mask, and gives one number, 0 where no pixel counts.

B images, K classes, H x W pixels. One signature::

    term(logits, target, *, ignore_index=IGNORE, class_weights=None)

    logits         (B, K, H, W). Several classes exclude each other; a single one is there where its logit is above 0.
    target         int64 (B, H, W): each pixel's class, for a single class 0 or 1; `ignore_index` where it has none.
    class_weights  (K,), how much each class counts; for a single class (2,), pixels without it and with it.

Each computes in float32 at least: sums over an image overflow half precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from segzoo.errors import MissingExtraError
from segzoo.labels import IGNORE

Term = Callable[..., Tensor]


def ce(
    logits: Tensor,
    target: Tensor,
    *,
    ignore_index: int = IGNORE,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy, the mean over pixels, each weighted by its class. For a single class it is the binary one.

    :param label_smoothing: the share of a pixel's truth that all classes get alike (arXiv:1512.00567).
    """
    logits = _against_absence(_precise(logits))
    weights = None if class_weights is None else class_weights.to(logits)
    total = F.cross_entropy(
        logits, target, weights, ignore_index=ignore_index, reduction="sum", label_smoothing=label_smoothing
    )
    return total / _or_one(_by_truth(target, ignore_index, weights).sum())


def bce(
    logits: Tensor,
    target: Tensor,
    *,
    ignore_index: int = IGNORE,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Binary cross-entropy, each class against the rest: the mean over pixels and classes.

    :param label_smoothing: the share of a pixel's truth that presence and absence get alike.
    """
    logits = _precise(logits)
    truth = _truth(logits, target, ignore_index) * (1 - label_smoothing) + label_smoothing / 2
    each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return _mean(each, target, ignore_index, class_weights)


def focal(
    logits: Tensor,
    target: Tensor,
    *,
    ignore_index: int = IGNORE,
    class_weights: Tensor | None = None,
    gamma: float = 2.0,
) -> Tensor:
    """Focal loss: `bce` that counts the less, the better a pixel is known. The mean over pixels and classes.

    Source: arXiv:1708.02002, without its alpha, for which `class_weights` serve.

    :param gamma: how much less: the power of the probability that the wrong answer has.
    """
    logits = _precise(logits)
    margin = logits * (2 * _truth(logits, target, ignore_index) - 1)
    # The power as a product of logarithms: its gradient is finite where the probability is 0.
    each = -F.logsigmoid(margin) * (gamma * F.logsigmoid(-margin)).exp()
    return _mean(each, target, ignore_index, class_weights)


def dice(logits: Tensor, target: Tensor, *, ignore_index: int = IGNORE, class_weights: Tensor | None = None) -> Tensor:
    """One minus the Dice coefficient of each class over the whole batch: the mean over the classes that are there.

    Source: arXiv:1606.04797, without its squares.
    """
    return tversky(logits, target, ignore_index=ignore_index, class_weights=class_weights, alpha=0.5, beta=0.5)


def tversky(
    logits: Tensor,
    target: Tensor,
    *,
    ignore_index: int = IGNORE,
    class_weights: Tensor | None = None,
    alpha: float = 0.3,
    beta: float = 0.7,
) -> Tensor:
    """One minus the Tversky index of each class over the whole batch: the mean over the classes that are there.

    Source: arXiv:1706.05721.

    :param alpha: the weight of pixels that are wrongly given the class.
    :param beta: the weight of pixels that the class should have been given.
    """
    truth = _truth(logits, target, ignore_index)
    guess = _probabilities(logits) * (target != ignore_index)[:, None]
    hits = (guess * truth).sum((0, 2, 3))
    there = truth.sum((0, 2, 3))
    index = hits / _or_one(hits + alpha * (guess.sum((0, 2, 3)) - hits) + beta * (there - hits))
    weights = (there > 0).to(index.dtype)
    if class_weights is not None:
        weights = weights * class_weights.to(index)  # those of a single class cancel out
    return ((1 - index) * weights).sum() / _or_one(weights.sum())


def lovasz(
    logits: Tensor, target: Tensor, *, ignore_index: int = IGNORE, class_weights: Tensor | None = None
) -> Tensor:
    """The Lovász extension of one minus the IoU: of softmax for several classes, the hinge for a single one.

    Source: arXiv:1705.08790. Over the whole batch, the mean over the classes that are there.
    """
    kept = target != ignore_index
    truth = target[kept]
    total = _precise(logits).sum() * 0  # of the graph, where no pixel counts as well
    if logits.shape[1] == 1:
        margin = _precise(logits)[:, 0][kept] * (2 * truth - 1)
        return _lovasz_sum(1 - margin, truth, F.relu) if len(truth) else total
    guesses = _probabilities(logits).movedim(1, 0)[:, kept].unbind()  # of each class, (pixels,)
    weights = [1.0] * len(guesses) if class_weights is None else class_weights.tolist()
    there = truth.unique().tolist()
    for each in there:
        own = truth == each
        total = total + weights[each] * _lovasz_sum((own.to(total) - guesses[each]).abs(), own, torch.abs)
    return total / (sum(weights[each] for each in there) or 1)


def ohem(
    logits: Tensor,
    target: Tensor,
    *,
    ignore_index: int = IGNORE,
    class_weights: Tensor | None = None,
    threshold: float = 0.7,
    kept: float = 1 / 16,
) -> Tensor:
    """Cross-entropy of the hard pixels alone: those whose true class gets less than a probability.

    Source: online hard example mining, arXiv:1604.03540.

    :param threshold: that probability.
    :param kept: of the pixels that count, the share that is taken at least: the hardest.
    """
    entropy = F.cross_entropy(
        _against_absence(_precise(logits)), target, ignore_index=ignore_index, reduction="none"
    )  # minus the logarithm of that probability
    valid = target != ignore_index
    last = (kept * valid.sum()).long().sub(1).clamp_min(0)  # a tensor, since a number would wait for the device
    limit = entropy.detach().flatten().sort(descending=True).values.take(last)  # ignored pixels come last, with 0
    hard = valid & (entropy >= limit.clamp_max(-math.log(threshold)))
    weights = _by_truth(target, ignore_index, class_weights).to(entropy) * hard
    return (entropy * weights).sum() / _or_one(weights.sum())


def boundary(
    logits: Tensor, target: Tensor, *, ignore_index: int = IGNORE, class_weights: Tensor | None = None
) -> Tensor:
    """Each class's probability by how far a pixel lies from its boundary, in pixels, negative inside: the mean.

    Source: arXiv:1812.07032, which adds it to a regional term such as `dice`. It falls below 0. SciPy measures the
    distances on the CPU: some 10 ms for each class that is in an image of 256 x 256.

    :raises MissingExtraError: without SciPy.
    """
    distances = _signed_distances(_truth(logits, target, ignore_index))
    return _mean(_probabilities(logits) * distances, target, ignore_index, class_weights)


TERMS: dict[str, Term] = {each.__name__: each for each in (ce, bce, dice, focal, tversky, lovasz, ohem, boundary)}


def _precise(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _against_absence(logits: Tensor) -> Tensor:
    """A single class as two that exclude each other: without it, whose logit is 0, and with it."""
    return torch.cat([torch.zeros_like(logits), logits], 1) if logits.shape[1] == 1 else logits


def _probabilities(logits: Tensor) -> Tensor:
    return _precise(logits).sigmoid() if logits.shape[1] == 1 else _precise(logits).softmax(1)


def _truth(logits: Tensor, target: Tensor, ignore_index: int) -> Tensor:
    """What the probabilities should be, (B, K, H, W): 0 or 1, and 0 where ignored."""
    valid = target != ignore_index
    known = torch.where(valid, target, 0)[:, None]
    truth = torch.zeros_like(logits, dtype=_precise(logits[:0]).dtype)
    if logits.shape[1] == 1:
        return truth + known
    return truth.scatter_(1, known, valid[:, None].to(truth))  # one_hot would take int64 of that size


def _by_truth(target: Tensor, ignore_index: int, class_weights: Tensor | None) -> Tensor:
    """Each pixel's weight, that of its class; 0 where ignored. (B, H, W)."""
    valid = target != ignore_index
    return valid.float() if class_weights is None else class_weights[torch.where(valid, target, 0)] * valid


def _mean(each: Tensor, target: Tensor, ignore_index: int, class_weights: Tensor | None) -> Tensor:
    """Over the pixels that count and the classes, (B, K, H, W): weighted by class, for a single class by its truth."""
    if class_weights is not None and each.shape[1] > 1:
        weights = (target != ignore_index)[:, None] * class_weights.to(each)[:, None, None]
    else:
        weights = _by_truth(target, ignore_index, class_weights).to(each)[:, None]
    return (each * weights).sum() / _or_one(weights.sum() * (each.shape[1] / weights.shape[1]))


def _or_one(value: Tensor) -> Tensor:
    """What to divide by: 1 in place of 0, where nothing counts and the sum is 0 as well."""
    return torch.where(value == 0, 1.0, value)


def _lovasz_sum(errors: Tensor, truth: Tensor, non_negative: Callable[[Tensor], Tensor]) -> Tensor:
    """The Lovász extension of the Jaccard loss at these errors, (N,), given which pixels are of the class, (N,)."""
    errors, order = errors.sort(descending=True)
    truth = truth[order].to(errors)
    missing = truth.sum() - truth.cumsum(0)
    union = truth.sum() + (1 - truth).cumsum(0)
    jaccard = 1 - missing / union
    steps = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
    return (non_negative(errors) * steps).sum()


def _signed_distances(truth: Tensor) -> Tensor:
    """Each pixel's distance to the boundary of each class, negative inside; 0 for one that has none in the image."""
    try:
        from scipy.ndimage import distance_transform_edt
    except ImportError as error:
        raise MissingExtraError(
            f'the term "boundary" needs SciPy ({error}): pip install "segzoo-torch[train]"'
        ) from error

    def of_one(inside: Any) -> Tensor:
        if inside.all() or not inside.any():
            return torch.zeros(inside.shape)
        outer, inner = distance_transform_edt(~inside), distance_transform_edt(inside)
        return torch.from_numpy(outer - (inner - 1).clip(0))  # at the boundary's inner side 0 (the paper's code)

    maps = truth.bool().cpu().numpy().reshape(-1, *truth.shape[2:])
    return torch.stack([of_one(each).to(truth) for each in maps]).view(truth.shape)
