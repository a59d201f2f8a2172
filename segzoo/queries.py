"""Mask classification as plain data: a set of masks with their classes, predicted and true (arXiv:2107.06278)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Queries(NamedTuple):
    """What a decoder that `emits = "queries"` returns: Q masks, and the class of each.

    :ivar masks: logits (B, Q, h, w), on the grid of the decoder's finest map.
    :ivar classes: logits (B, Q, classes + 1), the last of them "no object".
    :ivar earlier: in training mode the masks and classes that earlier layers predicted, first to last; else empty.
    """

    masks: Tensor
    classes: Tensor
    earlier: tuple[tuple[Tensor, Tensor], ...] = ()


class Segments(NamedTuple):
    """What is true of one image: N masks, and the class of each.

    :ivar labels: classes, int64 (N,).
    :ivar masks: bool (N, H, W).
    :ivar ignored: bool (H, W): pixels that don't count, such as those without a class, of a crowd, or of a border.
    """

    labels: Tensor
    masks: Tensor
    ignored: Tensor
