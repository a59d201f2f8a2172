"""Which prediction answers for which segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from segzoo.errors import MissingExtraError
from segzoo.losses.mask_terms import MASK_TERMS
from segzoo.losses.places import Places, Truth
from segzoo.queries import Segments

MOST = 1e10
"""In place of a cost that is infinite or no number."""


class Matched(NamedTuple):
    """Pairs, by number: of N queries, and of as many segments; int64 (N,) each."""

    queries: Tensor
    segments: Tensor


@torch.no_grad()
def hungarian(
    masks: Tensor, classes: Tensor, truth: Truth, class_weight: float, terms: Mapping[str, float], places: Places
) -> Matched:
    """The cheapest pairs, each query and each segment in one at most: DETR, arXiv:2005.12872, section 3.1.

    :param masks: logits (Q, h, w).
    :param classes: logits (Q, classes + 1).
    :param class_weight: of the class's probability, which lowers a pair's cost.
    :param terms: the weights of the costs of masks.
    :raises MissingExtraError: without SciPy.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise MissingExtraError(f'matching needs SciPy ({error}): pip install "segzoo-torch[train]"') from error
    held = places.to_match(masks, truth)
    cost = -class_weight * classes.softmax(-1)[:, truth.segments.labels]
    for name, weight in terms.items():
        cost = cost + weight * MASK_TERMS[name].cost(held)
    cost = cost.nan_to_num(MOST, MOST, -MOST).clamp(-MOST, MOST)
    queries, segments = linear_sum_assignment(cost.cpu().numpy())
    return Matched(*(torch.as_tensor(each, device=masks.device) for each in (queries, segments)))


def by_class(segments: Segments) -> tuple[Matched, Segments]:
    """Each class's own query, where there is one for each class: SegViT, arXiv:2210.05844.

    :returns: the pairs, and the segments, those of one class made one.
    """
    labels, numbers = segments.labels.unique(return_inverse=True)
    masks = segments.masks.new_zeros((len(labels), *segments.masks.shape[1:]))
    for segment, number in enumerate(numbers.tolist()):
        masks[number] |= segments.masks[segment]
    return Matched(labels, torch.arange(len(labels), device=labels.device)), Segments(labels, masks, segments.ignored)
