"""What is learnt of a sample, or to be found: a map of classes, and where objects are told apart one of these."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from segzoo.data.sample import Sample
from segzoo.labels import IGNORE, Labels

CROWD = -1
"""The number of what is many objects, or of unknown ones."""


def semantic_target(sample: Sample) -> Tensor:
    """The class of each pixel, int64 (H, W)."""
    return torch.tensor(np.asarray(sample.mask, np.int64))


def counted_target(sample: Sample, labels: Labels) -> Tensor:
    """What is there to find: the class of each pixel, and the number of its object, int64 (2, H, W).

    Each pair of the two is one segment. Stuff has the number 0. Crowds have the number `CROWD`, and their class where
    the data knows it; so has what is of a thing's class and belongs to no object.

    :param sample: one that has instances.
    :param labels: of its dataset. Where they don't tell things from stuff, all objects are as they are numbered.
    """
    assert sample.instances is not None
    classes, objects = (np.array(each, np.int64) for each in (sample.mask, sample.instances))
    crowds = np.isin(objects, sample.crowds)
    if labels.things is not None:
        of_thing = np.isin(classes, labels.things)
        crowds |= of_thing & (objects == 0)
        objects[~of_thing] = 0
    objects[classes == IGNORE] = 0
    objects[crowds] = CROWD
    return torch.from_numpy(np.stack([classes, objects]))


def panoptic_target(sample: Sample, labels: Labels) -> Tensor:
    """What there is to learn: as `counted_target`, but crowds have no class, and the number 0.

    :param sample: one that has instances.
    :param labels: of its dataset.
    """
    target = counted_target(sample, labels)
    classes, objects = target
    classes[objects == CROWD] = IGNORE
    objects[objects == CROWD] = 0
    return target


def object_numbers(target: Tensor, classes: int) -> Tensor:
    """One number for each object, int64 (H, W), 0 where there is none: those of other classes have other numbers.

    :param target: int64 (2, H, W), as `panoptic_target` has it.
    :param classes: how many there are.
    """
    labels, objects = target
    return torch.where(objects > 0, objects * classes + labels, 0)


def empty_target(size: tuple[int, ...], panoptic: bool = False) -> Tensor:
    """One without anything to learn: no class, and no object.

    :param size: (H, W), or of a batch (B, H, W).
    :param panoptic: whether it has the second map.
    """
    classes = torch.full(size, IGNORE)
    return torch.stack([classes, torch.zeros_like(classes)], dim=-3) if panoptic else classes


def classes_of(target: Tensor) -> Tensor:
    """The map of classes of one sample's target, (H, W)."""
    return target if target.ndim == 2 else target[0]


def classes_of_batch(targets: Tensor) -> Tensor:
    """The maps of classes of a batch of targets, (B, H, W)."""
    return targets if targets.ndim == 3 else targets[:, 0]
