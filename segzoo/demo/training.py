"""Brief training of one model on labelled scenes, and its score on others."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

BATCH_SIZE = 16
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.01
GRADIENT_NORM = 1.0
WARM_UP = 0.2  # of the steps

LabelledImages = Dataset[tuple[Tensor, Tensor]]


def train(
    model: nn.Module,
    scenes: LabelledImages,
    *,
    learning_rate: float = LEARNING_RATE,
    batch_size: int = BATCH_SIZE,
    seconds: float | None = None,
    on_step: Callable[[float], None] | None = None,
) -> None:
    """Show each scene to the model once, in order: AdamW, one cycle of the learning rate, cross-entropy and Dice.

    :param model: image (B, C, H, W) to logits (B, classes, H, W). It is trained in place.
    :param scenes: pairs of image (C, H, W) and mask (H, W). Their number bounds the training.
    :param learning_rate: its peak.
    :param seconds: when to end at the latest. Where the scenes would take longer, the last are not shown, and the
        learning rate runs through its cycle in that time: the outcome depends on the machine.
    :param on_step: called after each step with its loss.
    """
    batches = DataLoader(scenes, batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, len(batches) + 1, pct_start=WARM_UP)
    start = time.monotonic()
    model.train()
    for step, (image, mask) in enumerate(batches, 1):
        loss = segmentation_loss(model(image), mask)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimizer.step()
        if on_step:
            on_step(loss.item())
        spent = step if seconds is None else max(step, math.ceil(len(batches) * (time.monotonic() - start) / seconds))
        if spent >= len(batches):
            break
        while schedule.last_epoch < spent:
            schedule.step()


def segmentation_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy plus one minus the mean Dice of the classes, which counts a rare class as much as the background.

    :param logits: (B, classes, H, W).
    :param mask: int64 (B, H, W).
    """
    truth = F.one_hot(mask, logits.shape[1]).movedim(-1, 1)
    guess = logits.softmax(1)
    overlap = (guess * truth).sum((0, 2, 3))
    total = (guess + truth).sum((0, 2, 3))
    dice = (2 * overlap + 1) / (total + 1)
    return F.cross_entropy(logits, mask) + 1 - dice.mean()


@torch.inference_mode()
def evaluate(model: nn.Module, scenes: LabelledImages, classes: int, *, batch_size: int = BATCH_SIZE) -> Tensor:
    """Count how the model's classes and the true ones meet, over all pixels of all scenes.

    :returns: int64 (classes, classes), a row per true class, a column per predicted one.
    """
    model.eval()
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    for image, mask in DataLoader(scenes, batch_size):
        confusion += confusion_matrix(model(image).argmax(1), mask, classes)
    return confusion


def confusion_matrix(predicted: Tensor, truth: Tensor, classes: int) -> Tensor:
    """Pixels by true class (rows) and predicted class (columns): int64 (classes, classes)."""
    return torch.bincount((truth * classes + predicted).flatten(), minlength=classes**2).view(classes, classes)


def intersection_over_union(confusion: Tensor) -> Tensor:
    """The IoU of each class: float64 (classes,), NaN for a class that is neither there nor predicted."""
    hits = confusion.diagonal().double()
    return hits / (confusion.sum(0) + confusion.sum(1) - confusion.diagonal())


def mean_iou(confusion: Tensor) -> float:
    """The mean over the classes that are there or predicted."""
    return intersection_over_union(confusion).nanmean().item()
