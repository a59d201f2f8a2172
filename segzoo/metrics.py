"""Scores of a segmentation, all from one confusion matrix over all pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from segzoo.errors import InputError, MissingExtraError, OptionError
from segzoo.labels import IGNORE, check_classes


@dataclass(frozen=True, eq=False)
class Scores:
    """What a confusion matrix says.

    >>> Scores(torch.tensor([[8, 2], [0, 10]])).miou
    0.8166666666666667

    :param confusion: int64 (K, K), pixels by true class (rows) and predicted class (columns).
    :raises InputError: for a matrix that isn't square.
    """

    confusion: Tensor

    def __post_init__(self) -> None:
        if self.confusion.ndim != 2 or len(set(self.confusion.shape)) != 1:
            raise InputError(f"expected a square confusion matrix, got shape {tuple(self.confusion.shape)}")

    @property
    def iou(self) -> Tensor:
        """Of each class, float64 (K,): NaN for one that is neither there nor predicted."""
        return self._hits / (self.confusion.sum(0) + self.confusion.sum(1) - self.confusion.diagonal())

    @property
    def miou(self) -> float:
        """The mean IoU of the classes that are there or predicted; NaN where there are none."""
        return self.iou.nanmean().item()

    @property
    def dice(self) -> Tensor:
        """The Dice coefficient (F1) of each class, float64 (K,): NaN for one that is neither there nor predicted."""
        return 2 * self._hits / (self.confusion.sum(0) + self.confusion.sum(1))

    @property
    def mdice(self) -> float:
        """The mean Dice coefficient of the classes that are there or predicted; NaN where there are none."""
        return self.dice.nanmean().item()

    @property
    def recall(self) -> Tensor:
        """Each class's accuracy, float64 (K,): of its pixels, how many were found. NaN for one that isn't there."""
        return self._hits / self.confusion.sum(1)

    @property
    def accuracy(self) -> float:
        """Of all pixels, how many are right; NaN where none counts."""
        return (self._hits.sum() / self.confusion.sum()).item()

    @property
    def pixels(self) -> int:
        """How many counted."""
        return int(self.confusion.sum())

    def __add__(self, other: Scores) -> Scores:
        """Both sets of pixels together."""
        return Scores(self.confusion + other.confusion)

    def __str__(self) -> str:
        return self.table()

    def to_dict(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """Plain data for JSON; None for what isn't known.

        :param names: of the classes; their numbers where there are none.
        :raises OptionError: for another number of names than classes.
        """
        classes = {
            row.pop("class"): {key: known_number(value) for key, value in row.items()} for row in self._rows(names)
        }
        return {
            "miou": known_number(self.miou),
            "accuracy": known_number(self.accuracy),
            "mdice": known_number(self.mdice),
            "pixels": self.pixels,
            "classes": classes,
        }

    def table(self, names: Sequence[str] = (), further: Mapping[str, Tensor] | None = None) -> str:
        """A line for each class, and the means below; a dash for what isn't known.

        :param names: of the classes; their numbers where there are none.
        :param further: columns, each (K,), by their titles.
        :raises OptionError: for another number of names than classes.
        """
        from tabulate import tabulate

        more = further or {}
        columns = zip(self._rows(names), *(each.tolist() for each in more.values()), strict=True)
        rows = [[row["class"], *map(score_text, (*list(row.values())[1:], *others))] for row, *others in columns]
        # Names such as "1e5" are no numbers.
        lines = tabulate(rows, ["class", "IoU", "Dice", "recall", *more], disable_numparse=True)
        means = {"mIoU": self.miou, "mean Dice": self.mdice, "pixel accuracy": self.accuracy}
        return f"{lines}\n\n{scores_line(means)}"

    def _rows(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        if names and len(names) != len(self.confusion):
            raise OptionError(f"{len(self.confusion)} classes and {len(names)} names; give one for each")
        values = zip(self.iou.tolist(), self.dice.tolist(), self.recall.tolist(), strict=True)
        for number, (iou, dice, recall) in enumerate(values):
            yield {"class": names[number] if names else str(number), "iou": iou, "dice": dice, "recall": recall}

    @property
    def _hits(self) -> Tensor:
        return self.confusion.diagonal().double()


class SegmentationMetrics(nn.Module):
    """Counts over a whole set how predicted and true classes meet, over all processes that take part.

    torchmetrics holds the counts and sums them over processes.

    :param classes: of the logits; a single one is told from its absence, which makes two rows.
    :param ignore_index: what the target holds where a pixel doesn't count.
    :raises MissingExtraError: without torchmetrics.
    """

    def __init__(self, classes: int, ignore_index: int = IGNORE) -> None:
        super().__init__()
        self.classes = classes
        self.ignore_index = ignore_index
        self.counts = _torchmetrics().classification.MulticlassConfusionMatrix(
            max(2, classes), ignore_index=ignore_index, validate_args=False
        )

    @torch.no_grad()
    def update(self, predicted: Tensor, target: Tensor) -> None:
        """Count a batch.

        :param predicted: logits (B, K, H, W), or classes (B, H, W).
        :param target: int64 (B, H, W).
        :raises InputError: for other shapes.
        :raises DataError: for a target beyond the classes, or predicted classes beyond them.
        """
        if predicted.ndim == 4 and predicted.shape[1] != self.classes:
            raise InputError(f"expected logits of {self.classes} classes, got shape {tuple(predicted.shape)}")
        classes = predicted_classes(predicted) if predicted.ndim == 4 else predicted
        if classes.shape != target.shape:
            raise InputError(f"expected a target of shape {tuple(classes.shape)}, got {tuple(target.shape)}")
        check_classes(target, max(2, self.classes), self.ignore_index)
        if predicted.ndim != 4:
            check_classes(predicted, max(2, self.classes), ignore_index=None)
        self.counts.update(classes, target)

    def compute(self) -> Scores:
        """What has been counted, by all processes."""
        return Scores(self.counts.compute().to("cpu", torch.int64))

    def reset(self) -> None:
        """Begin anew."""
        self.counts.reset()


def predicted_classes(logits: Tensor) -> Tensor:
    """int64 (B, H, W): the class of the largest logit; of a single class 1 where its logit is above 0."""
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)


def confusion_matrix(predicted: Tensor, target: Tensor, classes: int) -> Tensor:
    """Pixels by true class (rows) and predicted class (columns): int64 (classes, classes).

    :param predicted: classes, int64 of any shape.
    :param target: of the same shape; `IGNORE` where a pixel doesn't count.
    :raises MissingExtraError: without torchmetrics.
    """
    counted = _torchmetrics().functional.classification.multiclass_confusion_matrix
    return counted(predicted, target, classes, ignore_index=IGNORE, validate_args=False)


def _torchmetrics() -> Any:
    try:
        import torchmetrics.functional.classification
    except ImportError as error:
        raise MissingExtraError(f'metrics need torchmetrics ({error}): pip install "segzoo-torch[train]"') from error
    return torchmetrics


def known_number(value: float) -> float | None:
    """A score as JSON has it: None for NaN."""
    return None if value != value else round(value, 6)


def scores_line(scores: Mapping[str, float]) -> str:
    """Scores and what they are called, in a line for people to read."""
    return ", ".join(f"{name} {score_text(value)}" for name, value in scores.items())


def score_text(value: float) -> str:
    """A score for people to read: a dash for NaN."""
    return "-" if value != value else f"{value:.3f}"
