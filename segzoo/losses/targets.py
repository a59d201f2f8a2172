"""Segments as a loss of masks takes them, out of maps of classes and objects."""

from __future__ import annotations

import torch
from torch import Tensor

from segzoo.labels import IGNORE
from segzoo.queries import Segments


def segments_of(classes: Tensor, objects: Tensor | None = None) -> Segments:
    """The segments of one image: of each class, or of each object.

    :param classes: int64 (H, W), `segzoo.IGNORE` where there is none.
    :param objects: int64 (H, W), the number of the object that a pixel belongs to, 0 where to none. A segment is what
        has one class and one number.

    >>> segments_of(torch.tensor([[0, 0, 2], [0, 2, -100]])).labels
    tensor([0, 2])
    """
    ignored = classes == IGNORE
    if objects is None:
        objects = torch.zeros_like(classes)
    most = objects.max() + 1
    numbers = (classes * most + objects).masked_fill(ignored, -1)
    segments = numbers[~ignored].unique()
    return Segments(segments // most, numbers == segments[:, None, None], ignored)
