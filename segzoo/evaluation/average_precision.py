"""Average precision of masks (AP): how well single objects are found, as COCO has it.

faster-coco-eval counts; the AP of boundaries (arXiv:2103.16562) is its own too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segzoo.data.target import CROWD
from segzoo.errors import InputError, MissingExtraError
from segzoo.evaluation.processes import from_all
from segzoo.labels import IGNORE
from segzoo.metrics import known_number, scores_line
from segzoo.segmentation import Instances, runs_of_numbers

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class ObjectScores:
    """How well objects are found: means over the classes that have some, NaN where there are none.

    :param ap: the mean over IoU thresholds from 0.5 to 0.95.
    :param ap50: at a threshold of 0.5; `ap75` at 0.75.
    :param small: AP of objects up to 32x32 pixels; `medium` up to 96x96; `large` beyond.
    :param recall: the mean over these thresholds, of at most 100 objects an image and class.
    :param boundary_ap: AP where masks have to agree along their boundaries too.
    :param classes: AP of each class, float64 (K,): NaN for one that has no objects.
    """

    ap: float
    ap50: float
    ap75: float
    small: float
    medium: float
    large: float
    recall: float
    boundary_ap: float
    classes: Tensor

    def to_dict(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """Plain data for JSON; None for what isn't known.

        :param names: of the classes; their numbers where there are none.
        """
        classes = {
            names[number] if names else str(number): {"ap": known_number(value)}
            for number, value in enumerate(self.classes.tolist())
        }
        means = {name: known_number(value) for name, value in asdict(self).items() if name != "classes"}
        return {**means, "classes": classes}

    def __str__(self) -> str:
        return scores_line({"AP": self.ap, "AP50": self.ap50, "AP75": self.ap75, "boundary AP": self.boundary_ap})


class ObjectMetrics:
    """Gathers the objects of a whole set, by all processes that take part, and finds their AP.

    :param classes: how many there are.
    :raises MissingExtraError: without faster-coco-eval.
    """

    def __init__(self, classes: int) -> None:
        _faster_coco_eval()
        self.classes = classes
        self.reset()

    def update(self, found: Instances, target: Tensor) -> None:
        """Take an image.

        :param found: what `model.segment(image, "instance", threshold=0)` gives: all objects, since AP weighs scores.
        :param target: what is there, int64 (2, H, W): classes, and numbers of objects, as `counted_target` has it.
        :raises InputError: for another size.
        """
        if target.shape != (2, *found.size):
            raise InputError(f"expected a target of shape (2, {found.size[0]}, {found.size[1]}), got {target.shape}")
        # Without its box: an object's area would be taken to be the box's.
        rows = [{name: value for name, value in row.items() if name != "bbox"} for row in found.to_coco(0)]
        self.images.append((found.size, self._true(target, found.labels.unique().tolist()), rows))

    def compute(self) -> ObjectScores:
        """The scores of all that was gathered, by all processes."""
        images: list[Row] = []
        true: list[Row] = []
        found: list[Row] = []
        for (height, width), truths, guesses in (each for own in from_all(self.images) for each in own):
            number = len(images) + 1
            images.append({"id": number, "height": height, "width": width})
            true += [{**row, "image_id": number, "id": len(true) + place} for place, row in enumerate(truths, 1)]
            found += [{**row, "image_id": number} for row in guesses]
        categories = [{"id": label, "name": str(label)} for label in range(self.classes)]
        content = {"images": images, "annotations": true, "categories": categories}
        masks, boundaries = (_counted(content, found, kind) for kind in ("segm", "boundary"))
        return ObjectScores(
            ap=_mean(masks["precision"][:, :, :, 0, -1]),
            ap50=_mean(masks["precision"][0, :, :, 0, -1]),
            ap75=_mean(masks["precision"][5, :, :, 0, -1]),
            small=_mean(masks["precision"][:, :, :, 1, -1]),
            medium=_mean(masks["precision"][:, :, :, 2, -1]),
            large=_mean(masks["precision"][:, :, :, 3, -1]),
            recall=_mean(masks["recall"][:, :, 0, -1]),
            boundary_ap=_mean(boundaries["precision"][:, :, :, 0, -1]),
            classes=torch.tensor(
                [_mean(masks["precision"][:, :, label, 0, -1]) for label in range(self.classes)], dtype=torch.float64
            ),
        )

    def reset(self) -> None:
        """Begin anew."""
        self.images: list[tuple[tuple[int, int], list[Row], list[Row]]] = []

    def _true(self, target: Tensor, guessed: list[int]) -> list[Row]:
        """True objects in COCO's form. A crowd of an unknown class is one of each that is guessed."""
        labels, objects = target.numpy()
        void = self.classes
        keys = objects * (void + 1) + np.where(labels == IGNORE, void, labels)
        rows: list[Row] = []
        for key, runs in runs_of_numbers(keys).items():
            number, label = divmod(key, void + 1)
            if number == 0:  # stuff, or nothing
                continue
            mask = {"segmentation": runs.to_coco(), "area": runs.area, "iscrowd": int(number == CROWD)}
            rows += [{"category_id": each, **mask} for each in (guessed if label == void else [label])]
        return rows


def _counted(content: Row, found: list[Row], kind: str) -> dict[str, NDArray[np.float64]]:
    """Precision (thresholds, recalls, classes, areas, limits) and recall without its second axis; -1 for unknown."""
    coco, evaluator = _faster_coco_eval()
    true = coco({**content, "annotations": [dict(row) for row in content["annotations"]]})
    threads = torch.get_num_threads()
    counts = evaluator(
        true, true.loadRes([dict(row) for row in found]), kind, boundary_cpu_count=threads, rle_iou_max_workers=threads
    )
    counts.evaluate()
    counts.accumulate()
    return counts.eval


def _mean(values: NDArray[np.float64]) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else float("nan")


def _faster_coco_eval() -> tuple[Any, Any]:
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise MissingExtraError(
            f'average precision needs faster-coco-eval ({error}): pip install "segzoo-torch[train]"'
        ) from error
    return COCO, COCOeval_faster
