"""Segments as a loss of masks takes them, out of maps of classes and objects."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from segzoo.labels import IGNORE
from segzoo.queries import Segments


def segments_of(
    classes: Tensor,
    objects: Tensor | None = None,
    *,
    crowds: Collection[int] = (),
    things: Collection[int] | None = None,
) -> Segments:
    """The segments of one image: of each class, or of each object.

    :param classes: int64 (H, W), `segzoo.IGNORE` where there is none.
    :param objects: int64 (H, W), the number of the object that a pixel belongs to, 0 where to none. A segment is what
        has one class and one number.
    :param crowds: the numbers of objects that are many: they are ignored.
    :param things: the classes whose objects are told apart; those of others are one segment, and pixels of a thing that
        belong to no object are ignored. None takes all as they are numbered.

    >>> segments_of(torch.tensor([[0, 0, 2], [0, 2, -100]])).labels
    tensor([0, 2])
    """
    ignored = classes == IGNORE
    if objects is None:
        objects = torch.zeros_like(classes)
    for crowd in crowds:
        ignored = ignored | (objects == crowd)
    if things is not None:
        of_thing = torch.isin(classes, torch.tensor(sorted(things), dtype=classes.dtype, device=classes.device))
        ignored = ignored | (of_thing & (objects == 0)) if bool((objects > 0).any()) else ignored
        objects = objects * of_thing
    pairs = torch.stack([classes, objects])[:, ~ignored].unique(dim=1)
    masks = (classes == pairs[0, :, None, None]) & (objects == pairs[1, :, None, None]) & ~ignored
    return Segments(pairs[0], masks, ignored)
