"""The class of each pixel, of masks with their classes (arXiv:2107.06278, section 3.4)."""

from __future__ import annotations

import torch
from torch import Tensor

from segzoo.head import Head
from segzoo.metrics import predicted_classes
from segzoo.segmentation.frame import ELEMENTS, Frame


def find_classes(masks: Tensor, classes: Tensor, frame: Frame, head: Head) -> Tensor:
    """What the head's logits say, strip by strip.

    :param masks: logits (Q, h, w) of one image.
    :param classes: logits (Q, classes + 1).
    :param head: of a model with the one head.
    :returns: int64 (H, W), on the CPU.
    """
    found = torch.zeros(frame.size, dtype=torch.int64)
    total = masks.shape[0] + classes.shape[1]  # the scores of all classes take room as well
    for rows, strip in frame.strips(masks, ELEMENTS * masks.shape[0] // total):
        logits = head((strip[None], classes[None].float()), strip.shape[-2:])
        found[rows] = predicted_classes(only(logits))[0].cpu()
    return found


def only(answer: Tensor | dict[str, Tensor]) -> Tensor:
    """What a model with one head answers, named or not."""
    return next(iter(answer.values())) if isinstance(answer, dict) else answer
