"""The terms of a loss. Each takes logits and a mask, and gives one number, 0 where no pixel counts.

B images, K classes, H x W pixels. One signature::

    term(logits, target, *, ignore_index=IGNORE, class_weights=None)

    logits         (B, K, H, W). Several classes exclude each other; a single one is there where its logit is above 0.
    target         int64 (B, H, W): each pixel's class, for a single class 0 or 1; `ignore_index` where it has none.
    class_weights  (K,), of a single class (1,): how much each counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from segzoo.errors import MissingExtraError, OptionError
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
    """Cross-entropy, the mean over pixels, each weighted by its class.

    :raises OptionError: for a single class, which `bce` is for.
    """
    _needs_several("ce", logits)
    logits = logits.float()
    total = F.cross_entropy(
        logits, target, class_weights, ignore_index=ignore_index, reduction="sum", label_smoothing=label_smoothing
    )
    return total / _or_one(_pixel_weights(target, ignore_index, class_weights).sum())


def bce(
    logits: Tensor,
    target: Tensor,
    *,
    ignore_index: int = IGNORE,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Binary cross-entropy, each class against the rest: the mean over pixels and classes."""
    truth, valid = _one_hot(logits, target, ignore_index)
    smooth = truth * (1 - label_smoothing) + 0.5 * label_smoothing
    each = F.binary_cross_entropy_with_logits(logits.float(), smooth, reduction="none")
    return _mean(each, valid, class_weights)


def focal(
    logits: Tensor,
    target: Tensor,
    *,
    ignore_index: int = IGNORE,
    class_weights: Tensor | None = None,
    gamma: float = 2.0,
) -> Tensor:
    """Binary cross-entropy that counts less where the answer is right already: the mean over pixels and classes.

    Source: arXiv:1708.02002, without its alpha, for which `class_weights` serve.

    :param gamma: how much less.
    """
    truth, valid = _one_hot(logits, target, ignore_index)
    entropy = F.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
    wrong = 1 - torch.exp(-entropy)
    return _mean(wrong**gamma * entropy, valid, class_weights)


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
    truth, valid = _one_hot(logits, target, ignore_index)
    guess = _probabilities(logits) * valid
    hits = (guess * truth).sum((0, 2, 3))
    there = truth.sum((0, 2, 3))
    index = hits / _or_one(hits + alpha * (guess.sum((0, 2, 3)) - hits) + beta * (there - hits))
    weights = (there > 0).to(index.dtype)
    if class_weights is not None:
        weights = weights * class_weights.to(weights)
    return ((1 - index) * weights).sum() / _or_one(weights.sum())


def lovasz(
    logits: Tensor, target: Tensor, *, ignore_index: int = IGNORE, class_weights: Tensor | None = None
) -> Tensor:
    """The Lovász extension of one minus the IoU: of softmax for several classes, the hinge for a single one.

    Source: arXiv:1705.08790. Over the whole batch, the mean over the classes that are there.
    """
    kept = target != ignore_index
    truth = target[kept]
    if logits.shape[1] == 1:
        logit = logits.float()[:, 0][kept]
        sign = 2 * truth.to(logit.dtype) - 1
        return _lovasz_sum(1 - logit * sign, truth, F.relu) if truth.numel() else logits.sum() * 0
    guess = _probabilities(logits).movedim(1, -1)[kept]  # (N, K)
    total, weight = logits.float().sum() * 0, 0.0
    for each in truth.unique().tolist():
        own = (truth == each).to(guess.dtype)
        factor = 1.0 if class_weights is None else float(class_weights[each])
        total = total + factor * _lovasz_sum((own - guess[:, each]).abs(), own, torch.abs)
        weight += factor
    return total / weight if weight else total


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
    :param kept: of the pixels, how many count at least: the hardest ones.
    :raises OptionError: for a single class.
    """
    _needs_several("ohem", logits)
    entropy = F.cross_entropy(logits.float(), target, class_weights, ignore_index=ignore_index, reduction="none")
    with torch.no_grad():
        own = logits.float().log_softmax(1).gather(1, target.clamp_min(0)[:, None])[:, 0]
        hardness = torch.where(target == ignore_index, -torch.inf, -own)
        count = max(1, int(kept * int((target != ignore_index).sum())))
        limit = hardness.flatten().topk(count).values[-1]
        hard = (hardness > -torch.inf) & (hardness >= limit.clamp_max(-torch.log(torch.tensor(threshold)).item()))
    weights = _pixel_weights(target, ignore_index, class_weights) * hard
    return (entropy * hard).sum() / _or_one(weights.sum())


def boundary(
    logits: Tensor, target: Tensor, *, ignore_index: int = IGNORE, class_weights: Tensor | None = None
) -> Tensor:
    """Each class's probability by how far a pixel lies from its boundary, in pixels, negative inside.

    Source: arXiv:1812.07032, which adds it to a regional term such as `dice`. It has no lower bound.

    :raises MissingExtraError: without SciPy.
    """
    truth, valid = _one_hot(logits, target, ignore_index)
    return _mean(_probabilities(logits) * _signed_distances(truth), valid, class_weights)


TERMS: dict[str, Term] = {each.__name__: each for each in (ce, bce, dice, focal, tversky, lovasz, ohem, boundary)}


def _needs_several(term: str, logits: Tensor) -> None:
    if logits.shape[1] == 1:
        raise OptionError(f"{term!r} needs two classes or more, and the logits have one; take 'bce' for a single class")


def _probabilities(logits: Tensor) -> Tensor:
    """In float32, since the sums over an image overflow half precision."""
    return logits.float().sigmoid() if logits.shape[1] == 1 else logits.float().softmax(1)


def _one_hot(logits: Tensor, target: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """The truth of each class, (B, K, H, W), 0 where ignored; and which pixels count, (B, 1, H, W). Both float32."""
    valid = target != ignore_index
    classes = logits.shape[1]
    known = torch.where(valid, target, 0)
    truth = known[:, None] if classes == 1 else F.one_hot(known, classes).movedim(-1, 1)
    return truth.float() * valid[:, None], valid[:, None].float()


def _pixel_weights(target: Tensor, ignore_index: int, class_weights: Tensor | None) -> Tensor:
    valid = target != ignore_index
    return valid.float() if class_weights is None else class_weights.float()[torch.where(valid, target, 0)] * valid


def _mean(each: Tensor, valid: Tensor, class_weights: Tensor | None) -> Tensor:
    """Over the pixels that count, (B, 1, H, W), and over the classes."""
    weights = valid if class_weights is None else valid * class_weights.to(valid)[:, None, None]
    weights = weights.expand_as(each)
    return (each * weights).sum() / _or_one(weights.sum())


def _or_one(value: Tensor) -> Tensor:
    """What to divide by: 1 in place of 0, where nothing counts and the sum is 0 as well."""
    return torch.where(value == 0, 1.0, value)


def _lovasz_sum(errors: Tensor, truth: Tensor, non_negative: Callable[[Tensor], Tensor]) -> Tensor:
    """The Lovász extension of the Jaccard loss at these errors, (N,), given which pixels are of the class, (N,)."""
    errors, order = errors.sort(descending=True)
    truth = truth[order].to(errors.dtype)
    missing = truth.sum() - truth.cumsum(0)
    union = truth.sum() + (1 - truth).cumsum(0)
    jaccard = 1 - missing / union
    steps = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
    return (non_negative(errors) * steps).sum()


def _signed_distances(truth: Tensor) -> Tensor:
    """Each pixel's distance to the boundary of each class, negative inside; 0 for a class that isn't in the image."""
    try:
        from scipy.ndimage import distance_transform_edt
    except ImportError as error:
        raise MissingExtraError(
            f'the term "boundary" needs SciPy ({error}): pip install "segzoo-torch[train]"'
        ) from error

    def of_one(inside: Any) -> Any:
        if not inside.any():
            return inside.astype("float32")
        return (distance_transform_edt(~inside) - (distance_transform_edt(inside) - 1) * inside).astype("float32")

    maps = truth.bool().cpu().numpy().reshape(-1, *truth.shape[2:])
    return torch.stack([torch.from_numpy(of_one(each)) for each in maps]).view(truth.shape).to(truth)
