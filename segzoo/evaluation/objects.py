"""How well objects and stuff are told apart: panoptic quality, and average precision of masks and their boundaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from segzoo.data.target import object_numbers
from segzoo.errors import MissingExtraError
from segzoo.labels import IGNORE
from segzoo.metrics import known_number
from segzoo.segmentation import Instances, Panoptic, RunLengths

AT_50, AT_75 = 1, 2
"""Where COCO's summary has the precision at overlaps of 0.5 and 0.75; the mean is first."""


@dataclass(frozen=True)
class ObjectScores:
    """What was counted; NaN where nothing was there to count.

    :param pq: panoptic quality of each class, (K,): `sq * rq` (arXiv:1801.00868).
    :param sq: how well segments that were found fit, (K,).
    :param rq: how many were found, (K,).
    :param things: the classes that have objects.
    :param ap: the mean average precision of objects' masks as COCO has it, at overlaps from 0.5 to 0.95; `ap50` and
        `ap75` at one.
    :param boundary_ap: that of their boundaries (arXiv:2103.16562).
    """

    pq: Tensor
    sq: Tensor
    rq: Tensor
    things: tuple[int, ...]
    ap: float
    ap50: float
    ap75: float
    boundary_ap: float

    def mean(self, quality: str = "pq", classes: Sequence[int] | None = None) -> float:
        """Of the classes that were there or predicted.

        :param quality: `"pq"`, `"sq"` or `"rq"`.
        :param classes: of some alone.
        """
        values: Tensor = getattr(self, quality)
        return float((values if classes is None else values[list(classes)]).nanmean())

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Plain data for JSON.

        :param names: of the classes.
        """
        stuff = [number for number in range(len(self.pq)) if number not in self.things]
        means = {
            "pq": self.mean(),
            "sq": self.mean("sq"),
            "rq": self.mean("rq"),
            "pq_things": self.mean(classes=self.things),
            "pq_stuff": self.mean(classes=stuff),
            "ap": self.ap,
            "ap50": self.ap50,
            "ap75": self.ap75,
            "boundary_ap": self.boundary_ap,
        }
        return {
            **{name: known_number(value) for name, value in means.items()},
            "pq_of_classes": {name: known_number(float(value)) for name, value in zip(names, self.pq, strict=True)},
        }


class ObjectMetrics:
    """Counts what is found in one image after the other.

    :param classes: how many there are.
    :param things: those that have objects; all if None.
    :raises MissingExtraError: without torchmetrics or faster-coco-eval.
    """

    def __init__(self, classes: int, things: Sequence[int] | None = None) -> None:
        try:
            import faster_coco_eval  # noqa: F401
            from torchmetrics.detection import PanopticQuality
        except ImportError as error:
            raise MissingExtraError(
                f'scores of objects need torchmetrics and faster-coco-eval ({error}): pip install "segzoo-torch[train]"'
            ) from error
        self.classes = classes
        self.things = tuple(range(classes)) if things is None else tuple(sorted(things))
        self.order = [*self.things, *(each for each in range(classes) if each not in self.things)]
        self.panoptic = PanopticQuality(
            set(self.things), set(self.order) - set(self.things), allow_unknown_preds_category=True
        )
        self.images: list[dict[str, Any]] = []
        self.true: list[dict[str, Any]] = []
        self.found: list[dict[str, Any]] = []

    def update(self, panoptic: Panoptic, instances: Instances, target: Tensor) -> None:
        """Count one image.

        :param panoptic: what `model.segment(image, "panoptic")` found.
        :param instances: what `model.segment(image, "instance", threshold=0)` found.
        :param target: int64 (2, H, W): classes and numbers of objects. What has no class is held against nothing: a
            segment that lies there for the most part is no mistake.
        """
        classes, objects = target
        known = torch.where(classes == IGNORE, self.classes, classes)
        labels = torch.tensor([self.classes, *(each.label for each in panoptic.segments)])
        ids = torch.tensor([0, *(each.id for each in panoptic.segments)])
        place = torch.searchsorted(ids, panoptic.ids.long())
        self.panoptic.update(
            torch.stack([labels[place], panoptic.ids.long()], dim=-1)[None], torch.stack([known, objects], dim=-1)[None]
        )
        self._update_precision(instances, target)

    def _update_precision(self, instances: Instances, target: Tensor) -> None:
        image = len(self.images) + 1
        self.images.append({"id": image, "height": target.shape[1], "width": target.shape[2]})
        numbers = object_numbers(target, self.classes)
        for number in numbers.unique().tolist():
            if number > 0 and number % self.classes in self.things:
                self._add_true(image, number % self.classes, numbers == number)
        ignored = target[0] == IGNORE
        if bool(ignored.any()):
            for label in set(instances.labels.tolist()):
                self._add_true(image, label, ignored, crowd=1)
        for label, score, runs in zip(
            instances.labels.tolist(), instances.scores.tolist(), instances.runs, strict=True
        ):
            self.found.append({"image_id": image, "category_id": label, "segmentation": runs.to_coco(), "score": score})

    def _add_true(self, image: int, label: int, mask: Tensor, crowd: int = 0) -> None:
        runs = RunLengths.of(mask)
        left, top, right, bottom = runs.box
        self.true.append(
            {"id": len(self.true) + 1, "image_id": image, "category_id": label, "segmentation": runs.to_coco(),
             "area": runs.area, "bbox": [left, top, right - left, bottom - top], "iscrowd": crowd}
        )  # fmt: skip

    def compute(self) -> ObjectScores:
        """Of all images so far."""
        counts = self.panoptic
        seen = counts.true_positives + (counts.false_positives + counts.false_negatives) / 2
        nothing = torch.tensor(float("nan"), dtype=torch.float64)
        hits = counts.true_positives
        qualities: Mapping[str, Tensor] = {
            "pq": torch.where(seen > 0, counts.iou_sum / seen, nothing),
            "sq": torch.where(seen > 0, torch.where(hits > 0, counts.iou_sum / hits, 0.0), nothing),
            "rq": torch.where(seen > 0, hits / seen, nothing),
        }
        place = torch.tensor(self.order).argsort()
        masks = list(self._precision("segm"))
        boundaries = list(self._precision("boundary"))
        return ObjectScores(
            **{name: values[place] for name, values in qualities.items()},
            things=self.things,
            ap=masks[0],
            ap50=masks[AT_50],
            ap75=masks[AT_75],
            boundary_ap=boundaries[0],
        )

    def _precision(self, kind: str) -> Iterator[float]:
        """COCO's summary: of all overlaps, at 0.5, at 0.75, and more."""
        from faster_coco_eval import COCO, COCOeval_faster

        if not any(not each["iscrowd"] for each in self.true):
            return iter([float("nan")] * 3)
        if not self.found:
            return iter([0.0] * 3)
        categories = [{"id": label, "name": str(label)} for label in self.things]
        true, found = ([dict(each) for each in one] for one in (self.true, self.found))  # it writes into them
        truth = COCO({"images": self.images, "annotations": true, "categories": categories})
        evaluation = COCOeval_faster(truth, truth.loadRes(found), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return (float(each) for each in evaluation.stats[:3])
