"""Objects and segments without a network: maps of random blobs, and what a model would have to find to match them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from segzoo.labels import IGNORE
from segzoo.segmentation import Instances, Panoptic, RunLengths, Segment

CLASSES = 4
THINGS = (2, 3)


def blobs(seed: int, size: tuple[int, int] = (30, 40), *, void: bool = True, crowds: bool = True) -> Tensor:
    """A target (2, H, W): two classes of stuff and two of things, some without a class, and some a crowd."""
    generator = torch.Generator().manual_seed(seed)

    def regions(count: int) -> Tensor:
        coarse = torch.rand(1, count, 5, 6, generator=generator)
        return F.interpolate(coarse, size, mode="bilinear")[0].argmax(0)

    classes, objects = regions(CLASSES), regions(5) + 1
    objects[~torch.isin(classes, torch.tensor(THINGS))] = 0
    if crowds:
        objects[objects == 5] = -1
    if void:
        nothing = regions(6) == 0
        classes[nothing], objects[nothing] = IGNORE, 0
    return torch.stack([classes, objects])


def as_panoptic(target: Tensor) -> Panoptic:
    """A prediction that is a target, crowds being segments, and nothing where there is no class."""
    classes, objects = target
    ids = torch.zeros(classes.shape, dtype=torch.int32)
    segments = []
    for label, number in target[:, classes != IGNORE].unique(dim=1).T.tolist():
        mask = (classes == label) & (objects == number)
        ids[mask] = len(segments) + 1
        segments.append(Segment(len(segments) + 1, label, 1.0, label in THINGS, int(mask.sum()), (0, 0, 0, 0)))
    return Panoptic(ids, tuple(segments))


def as_instances(target: Tensor, seed: int = 0) -> Instances:
    """The objects of a target as a prediction, with random scores."""
    classes, objects = target
    pairs = target[:, objects > 0].unique(dim=1).T.tolist()
    runs = tuple(RunLengths.of((classes == label) & (objects == number)) for label, number in pairs)
    scores = torch.rand(len(runs), generator=torch.Generator().manual_seed(seed)).sort(descending=True).values
    labels = torch.tensor([label for label, _ in pairs], dtype=torch.int64)
    return Instances((classes.shape[0], classes.shape[1]), scores, labels, runs)
