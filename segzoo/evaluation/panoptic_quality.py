"""Panoptic quality (PQ): how well an image was cut into objects and stuff (arXiv:1801.00868).

torchmetrics' own knows no crowds, and forgives what isn't found where nothing is predicted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import Tensor

from segzoo.data.target import CROWD
from segzoo.errors import InputError
from segzoo.evaluation.processes import from_all
from segzoo.labels import IGNORE
from segzoo.metrics import known_number, scores_line
from segzoo.segmentation import Panoptic


@dataclass(frozen=True, eq=False)
class PanopticScores:
    """How segments that were found meet true ones, by class, K of them.

    A pair matches if their IoU is above one half; at most one can be of each segment.

    :param overlap: float64 (K,): the sum of the IoU of pairs that match.
    :param found: int64 (K,): how many pairs match.
    :param wrong: int64 (K,): predicted segments that match none.
    :param missed: int64 (K,): true segments that match none.
    :param things: the classes whose objects are told apart; None where that isn't known.
    """

    overlap: Tensor
    found: Tensor
    wrong: Tensor
    missed: Tensor
    things: tuple[int, ...] | None = None

    def __add__(self, other: PanopticScores) -> PanopticScores:
        """Both sets of images together."""
        return PanopticScores(
            self.overlap + other.overlap,
            self.found + other.found,
            self.wrong + other.wrong,
            self.missed + other.missed,
            self.things,
        )

    @property
    def pq(self) -> Tensor:
        """Panoptic quality of each class, float64 (K,): NaN for one that is neither there nor predicted."""
        return self.overlap / self._segments

    @property
    def sq(self) -> Tensor:
        """Segmentation quality, float64 (K,): the mean IoU of pairs that match, 0 where none does; NaN likewise."""
        return torch.where(self._segments > 0, self.overlap / self.found.clamp_min(1), torch.nan)

    @property
    def rq(self) -> Tensor:
        """Recognition quality, float64 (K,): the F1 of finding segments; NaN likewise."""
        return self.found / self._segments

    def means(self, classes: Sequence[int] | None = None) -> dict[str, float]:
        """Means of `pq`, `sq` and `rq` over classes that are there or predicted; NaN where there are none.

        :param classes: of which; of all if None.
        """
        chosen = slice(None) if classes is None else torch.tensor(classes, dtype=torch.int64)
        values = {"pq": self.pq, "sq": self.sq, "rq": self.rq}
        return {name: each[chosen].nanmean().item() for name, each in values.items()}

    def to_dict(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """Plain data for JSON; None for what isn't known.

        :param names: of the classes; their numbers where there are none.
        """
        kinds = {kind: _known(self.means(classes)) for kind, classes in self._kinds().items()}
        values = {"pq": self.pq, "sq": self.sq, "rq": self.rq}
        counts = {"found": self.found, "wrong": self.wrong, "missed": self.missed}
        classes = {
            names[number] if names else str(number): {
                **{name: known_number(each[number].item()) for name, each in values.items()},
                **{name: int(each[number]) for name, each in counts.items()},
            }
            for number in range(self.found.shape[0])
        }
        return {**_known(self.means()), **kinds, "classes": classes}

    def __str__(self) -> str:
        kinds = {f"PQ of {kind}": self.means(classes)["pq"] for kind, classes in self._kinds().items()}
        return scores_line({name.upper(): value for name, value in self.means().items()} | kinds)

    @property
    def _segments(self) -> Tensor:
        return self.found + (self.wrong + self.missed) / 2

    def _kinds(self) -> dict[str, list[int]]:
        if self.things is None:
            return {}
        stuff = [each for each in range(self.found.shape[0]) if each not in self.things]
        return {"things": list(self.things), "stuff": stuff}


class PanopticMetrics:
    """Counts over a whole set, by all processes that take part.

    :param classes: how many there are.
    :param things: those whose objects are told apart; None where that isn't known.
    """

    def __init__(self, classes: int, things: Sequence[int] | None = None) -> None:
        self.classes = classes
        self.things = None if things is None else tuple(things)
        self.reset()

    def update(self, found: Panoptic, target: Tensor) -> None:
        """Count an image.

        :param found: what `model.segment(image, "panoptic")` gives.
        :param target: what is there, int64 (2, H, W): classes, and numbers of objects, as `counted_target` has it.
        :raises InputError: for another size.
        """
        self.scores += count_segments(found, target, self.classes)

    def compute(self) -> PanopticScores:
        """What has been counted, by all processes."""
        return reduce(add, from_all(self.scores))

    def reset(self) -> None:
        """Begin anew."""
        none = torch.zeros(self.classes, dtype=torch.int64)
        self.scores = PanopticScores(none.double(), none, none, none, self.things)


def count_segments(found: Panoptic, target: Tensor, classes: int) -> PanopticScores:
    """How the segments of one image meet.

    What lies on pixels without a class doesn't count; a segment that lies there for more than half, or on a crowd of
    its class, isn't wrong.

    :param found: in an image.
    :param target: int64 (2, H, W), as `counted_target` has it.
    :param classes: how many there are.
    :raises InputError: for another size.
    """
    if found.ids.shape != target.shape[1:] or target.shape[0] != 2:
        raise InputError(f"expected a target of shape (2, {', '.join(map(str, found.ids.shape))}), got {target.shape}")
    labels, objects = target
    void = classes
    keys, true = (objects * (classes + 1) + labels.masked_fill(labels == IGNORE, void)).unique(return_inverse=True)
    true_label = keys % (classes + 1)
    crowd = keys.div(classes + 1, rounding_mode="floor") == CROWD
    segment = (true_label != void) & ~crowd

    ids = [each.id for each in found.segments]
    predicted = found.ids.long()
    label = torch.full((max([int(predicted.max()), *ids]) + 1,), -1)  # of what is predicted, by id
    label[ids] = torch.tensor([each.label for each in found.segments], dtype=torch.int64)

    shape = label.shape[0], keys.shape[0]
    together = (predicted * shape[1] + true).flatten().bincount(minlength=shape[0] * shape[1]).view(shape)
    area, unknown = together.sum(1), together[:, true_label == void].sum(1)
    alike = label[:, None] == true_label
    union = (area - unknown)[:, None] + together.sum(0) - together
    iou = torch.where(alike & segment, together / union, 0.0).double()
    match = iou > 0.5
    on_crowd = (together * (alike & crowd)).sum(1)
    wrong = (label >= 0) & (area > 0) & ~match.any(1) & (2 * (unknown + on_crowd) <= area)
    missed = segment & ~match.any(0)
    predicted_place, true_place = match.nonzero(as_tuple=True)

    def by_class(of: Tensor, weights: Tensor | None = None) -> Tensor:
        return of.bincount(weights, minlength=classes)

    return PanopticScores(
        by_class(true_label[true_place], iou[predicted_place, true_place]),
        by_class(true_label[true_place]),
        by_class(label[wrong]),
        by_class(true_label[missed]),
    )


def _known(scores: Mapping[str, float]) -> dict[str, float | None]:
    return {name: known_number(value) for name, value in scores.items()}
