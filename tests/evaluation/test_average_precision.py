"""Average precision of masks against pycocotools, and what a crowd is."""

from __future__ import annotations

import contextlib
import io
import math
import sys

import numpy as np
import pytest
import torch
from objects import CLASSES, as_instances, blobs
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor

from segzoo.errors import InputError, MissingExtraError
from segzoo.evaluation import ObjectMetrics, ObjectScores
from segzoo.labels import IGNORE
from segzoo.segmentation import Instances, RunLengths, runs_of_numbers

SIZE = 90, 120


def scored(*images: tuple[Instances, Tensor]) -> ObjectScores:
    metrics = ObjectMetrics(CLASSES)
    for found, target in images:
        metrics.update(found, target)
    return metrics.compute()


def objects(*found: tuple[Tensor, int, float]) -> Instances:
    """Masks with their labels and scores."""
    masks, labels, scores = zip(*found, strict=True)
    size = tuple(masks[0].shape)
    return Instances(size, torch.tensor(scores), torch.tensor(labels), tuple(map(RunLengths.of, masks)))


def nearly(seed: int) -> tuple[Instances, Tensor]:
    """Objects that are some pixels off, and the truth."""
    return as_instances(blobs(seed, SIZE, crowds=False).roll(seed % 4, 2), seed), blobs(seed, SIZE)


def by_pycocotools(images: list[tuple[Instances, Tensor]]) -> list[float]:
    annotations, results = [], []
    for number, (found, target) in enumerate(images, 1):
        classes, numbers = target
        for label, each in target[:, (numbers != 0) & (classes != IGNORE)].unique(dim=1).T.tolist():
            runs = RunLengths.of((classes == label) & (numbers == each))
            left, top, right, bottom = runs.box
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": label,
                    "segmentation": runs.to_coco(),
                    "area": runs.area,
                    "bbox": [left, top, right - left, bottom - top],
                    "iscrowd": int(each == -1),
                }
            )
        results += found.to_coco(number)
    for each in results:
        del each["bbox"]
    true = COCO()
    true.dataset = {
        "images": [{"id": number, "height": SIZE[0], "width": SIZE[1]} for number in range(1, len(images) + 1)],
        "annotations": annotations,
        "categories": [{"id": label} for label in range(CLASSES)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        true.createIndex()
        peer = COCOeval(true, true.loadRes(results), "segm")
        peer.evaluate()
        peer.accumulate()
        peer.summarize()
    return peer.stats.tolist()


def test_scores_are_those_of_pycocotools() -> None:
    images = [nearly(seed) for seed in range(6)]
    found = scored(*images)
    expected = by_pycocotools(images)
    ours = [found.ap, found.ap50, found.ap75, found.small, found.medium]
    assert ours == pytest.approx(expected[:5])
    assert found.recall == pytest.approx(expected[8])
    assert 0.1 < found.ap < found.ap50 < 1


def test_the_mean_of_the_classes_is_ap() -> None:
    found = scored(*[nearly(seed) for seed in range(4)])
    assert found.classes.isnan().tolist() == [True, True, False, False]  # stuff has no objects
    assert found.classes.nanmean().item() == pytest.approx(found.ap)


def test_what_is_there_is_of_precision_one() -> None:
    target = blobs(1, SIZE)
    found = scored((as_instances(target), target))
    assert (found.ap, found.recall, found.boundary_ap) == (1, 1, 1)


def test_boundaries_are_harder_to_match_than_large_masks() -> None:
    found = scored(*[nearly(seed) for seed in range(6)])
    assert 0 < found.boundary_ap < found.ap


def square(top: int, left: int, side: int = 20) -> Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[top : top + side, left : left + side] = True
    return mask


def truth(*marked: tuple[Tensor, int, int]) -> Tensor:
    """Masks with their class and number; stuff all around."""
    target = torch.zeros(2, *SIZE, dtype=torch.int64)
    for mask, label, number in marked:
        target[0, mask], target[1, mask] = label, number
    return target


@pytest.mark.parametrize(("label", "precision"), [(2, 1.0), (3, None)])
def test_an_object_on_a_crowd_of_its_class_is_not_wrong(label: int, precision: float | None) -> None:
    target = truth((square(0, 0), 2, 1), (square(0, 40), 2, -1), (square(30, 0), 3, 1))
    found = objects((square(2, 42, 10), label, 0.9), (square(0, 0), 2, 0.5), (square(30, 0), 3, 0.4))
    assert scored((found, target)).classes[2] == 1
    assert scored((found, target)).classes[3].item() == pytest.approx(precision or 0.5, abs=0.01)


@pytest.mark.parametrize("label", [2, 3])
def test_a_crowd_of_an_unknown_class_excuses_any(label: int) -> None:
    target = truth((square(0, 0), 2, 1), (square(0, 40), IGNORE, -1), (square(30, 0), 3, 1))
    found = objects((square(2, 42, 10), label, 0.9), (square(0, 0), 2, 0.5), (square(30, 0), 3, 0.4))
    assert scored((found, target)).ap == 1


def test_objects_of_two_classes_may_have_one_number() -> None:
    target = truth((square(0, 0), 2, 1), (square(30, 0), 3, 1))
    found = objects((square(0, 0), 2, 0.5), (square(30, 0), 3, 0.4))
    assert scored((found, target)).ap == 1


def test_sizes_are_of_masks_not_of_boxes() -> None:
    ring = square(0, 0, 40) & ~square(2, 2, 36)  # 304 pixels, in a box of 1600
    found = scored((objects((ring, 2, 0.9)), truth((ring, 2, 1))))
    assert found.small == 1
    assert math.isnan(found.medium)


def test_without_objects_nothing_is_known() -> None:
    none = Instances(SIZE, torch.zeros(0), torch.zeros(0, dtype=torch.int64), ())
    assert math.isnan(scored((none, truth())).ap)
    assert math.isnan(scored().ap)


def test_what_is_not_found_lowers_precision_to_nothing() -> None:
    none = Instances(SIZE, torch.zeros(0), torch.zeros(0, dtype=torch.int64), ())
    assert scored((none, truth((square(0, 0), 2, 1)))).ap == 0


def test_scores_are_plain_data_and_a_line() -> None:
    found = scored((objects((square(0, 0), 2, 0.9)), truth((square(0, 0), 2, 1))))
    assert str(found) == "AP 1.000, AP50 1.000, AP75 1.000, boundary AP 1.000"
    plain = found.to_dict(("sky", "road", "car", "person"))
    assert (plain["ap"], plain["large"], plain["classes"]["car"]["ap"]) == (1, None, 1)
    assert plain["classes"]["sky"]["ap"] is None


def test_scores_can_be_asked_for_twice_and_anew() -> None:
    metrics = ObjectMetrics(CLASSES)
    metrics.update(*nearly(1))
    assert metrics.compute().ap == metrics.compute().ap
    metrics.reset()
    assert math.isnan(metrics.compute().ap)


def test_another_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected a target of shape \(2, 90, 120\), got"):
        scored((objects((square(0, 0), 2, 0.9)), torch.zeros(2, 3, 3, dtype=torch.int64)))


def test_without_faster_coco_eval_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    with pytest.raises(MissingExtraError, match=r"segzoo-torch\[train\]"):
        ObjectMetrics(CLASSES)


def test_each_number_of_a_map_is_a_mask() -> None:
    numbers = np.random.default_rng(0).integers(-1, 4, (9, 7))
    found = runs_of_numbers(numbers)
    assert sorted(found) == [-1, 0, 1, 2, 3]
    for number, runs in found.items():
        assert np.array_equal(runs.mask(), numbers == number)
