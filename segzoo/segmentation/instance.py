"""The single objects of an image, of masks with their classes (Mask2Former, arXiv:2112.01527)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from segzoo.segmentation.frame import Frame
from segzoo.segmentation.results import Instances
from segzoo.segmentation.run_lengths import RunLengths, Tracer


def find_instances(
    masks: Tensor,
    classes: Tensor,
    frame: Frame,
    *,
    threshold: float = 0.5,
    top: int = 100,
    things: Sequence[int] | None = None,
) -> Instances:
    """Take the most probable pairs of a mask and a class as objects.

    An object has the pixels where its mask's logit is above 0. Its score is the class's probability times the mean of
    the mask's inside. One without pixels is none.

    :param masks: logits (Q, h, w) of one image.
    :param classes: logits (Q, classes + 1), the last "no object".
    :param threshold: of the score: objects above it are kept. 0 keeps all, as average precision wants it.
    :param top: the most pairs that are looked at.
    :param things: the classes that have objects; all if None.
    """
    scores = classes.float().softmax(dim=-1)[:, :-1]
    labels = torch.arange(scores.shape[1]) if things is None else torch.tensor(sorted(things), dtype=torch.int64)
    labels = labels.to(masks.device)
    scores, pairs = scores[:, labels].flatten().topk(min(top, scores.shape[0] * labels.shape[0]))
    hopeful = scores > threshold  # the masks can only lower them
    scores, pairs = scores[hopeful], pairs[hopeful]
    queries, labels = pairs // max(1, labels.shape[0]), labels[pairs % max(1, labels.shape[0])]
    distinct, place = queries.unique(return_inverse=True)
    certainty, runs = _traced(masks[distinct], frame)
    scores = (scores * certainty[place]).cpu()
    order = scores.argsort(descending=True, stable=True)
    kept = order[scores[order] > threshold]
    places = place.cpu()[kept].tolist()
    return Instances(frame.size, scores[kept], labels.cpu()[kept], tuple(runs[each] for each in places))


def _traced(masks: Tensor, frame: Frame) -> tuple[Tensor, list[RunLengths]]:
    """How certain each mask is on the mean, inside, 0 where nothing is; and its pixels.

    Strips are of columns here, since that is the order of run lengths.
    """
    total = torch.zeros(masks.shape[0], device=masks.device)
    area = torch.zeros_like(total, dtype=torch.int64)
    tracer = Tracer(masks.shape[0])
    for _, strip in frame.on_its_side.strips(masks.mT):
        inside = strip > 0
        total += (strip.sigmoid() * inside).sum(dim=(1, 2))
        area += inside.sum(dim=(1, 2))
        tracer.add(inside)
    return total / area.clamp_min(1), tracer.runs(frame.size)
