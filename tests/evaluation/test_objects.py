"""Scores of objects: by hand, and of what a decoder of queries finds."""

import math

import pytest
import torch

from segzoo.evaluation.objects import ObjectMetrics
from segzoo.labels import IGNORE
from segzoo.segmentation import Instances, Panoptic, RunLengths, Segment

SIZE = (20, 30)


def target(*boxes: tuple[int, tuple[int, int, int, int]]) -> torch.Tensor:
    """Stuff of class 0, and objects in boxes (left, top, right, bottom)."""
    maps = torch.zeros(2, *SIZE, dtype=torch.long)
    for number, (label, (left, top, right, bottom)) in enumerate(boxes, 1):
        maps[0, top:bottom, left:right] = label
        maps[1, top:bottom, left:right] = number
    return maps


def found(truth: torch.Tensor, score: float = 0.9) -> tuple[Panoptic, Instances]:
    """Exactly what is true."""
    ids = torch.zeros(SIZE, dtype=torch.int32)
    segments, runs, labels = [], [], []
    for label, number in truth.flatten(1).unique(dim=1).T.tolist():
        mask = (truth[0] == label) & (truth[1] == number)
        if label == IGNORE:
            continue
        ids[mask] = len(segments) + 1
        box = RunLengths.of(mask).box
        segments.append(Segment(len(segments) + 1, label, score, label > 0, int(mask.sum()), box))
        if label > 0:
            runs.append(RunLengths.of(mask))
            labels.append(label)
    scores = torch.full((len(runs),), score)
    return Panoptic(ids, tuple(segments)), Instances(SIZE, scores, torch.tensor(labels, dtype=torch.long), tuple(runs))


def scores_of(*pairs):
    metrics = ObjectMetrics(3, things=(1, 2))
    for seen, truth in pairs:
        metrics.update(*seen, truth)
    return metrics.compute()


def test_what_is_exactly_found_is_perfect():
    truth = target((1, (2, 2, 12, 12)), (1, (15, 3, 25, 13)), (2, (0, 14, 9, 20)))
    scores = scores_of((found(truth), truth))
    assert scores.pq.tolist() == [1, 1, 1]
    assert (scores.ap, scores.ap50, scores.ap75, scores.boundary_ap) == pytest.approx((1, 1, 1, 1))


def test_a_missing_object_is_a_miss():
    truth = target((1, (2, 2, 12, 12)), (1, (15, 3, 25, 13)))
    scores = scores_of((found(target((1, (2, 2, 12, 12)))), truth))
    assert scores.rq[1] == pytest.approx(1 / 1.5)
    assert scores.sq[1] == 1
    assert scores.ap50 == pytest.approx(0.5, abs=0.01)


def test_a_class_that_is_nowhere_counts_in_no_mean():
    truth = target((1, (2, 2, 12, 12)))
    scores = scores_of((found(truth), truth))
    assert math.isnan(scores.pq[2])
    assert scores.mean() == scores.mean(classes=(1,)) == 1


def test_what_is_found_in_a_crowd_is_no_mistake():
    truth = target((1, (2, 2, 12, 12)), (2, (15, 3, 25, 13)))
    crowd = truth.clone()
    crowd[0][truth[1] == 2] = IGNORE
    crowd[1][truth[1] == 2] = 0
    scores = scores_of((found(truth), crowd))
    assert scores.mean() == 1
    assert scores.ap == pytest.approx(1)


def test_the_same_outside_of_a_crowd_is_one():
    truth = target((1, (2, 2, 12, 12)), (2, (15, 3, 25, 13)))
    scores = scores_of((found(truth), target((1, (2, 2, 12, 12)))))
    assert scores.pq[2] == 0


def test_images_without_objects_have_no_precision():
    scores = scores_of((found(target()), target()))
    assert math.isnan(scores.ap)
    assert scores.pq[0] == 1


def test_nothing_found_is_zero():
    truth = target((1, (2, 2, 12, 12)))
    scores = scores_of((found(target()), truth))
    assert (scores.ap, scores.boundary_ap, scores.pq[1]) == (0, 0, 0)


def test_plain_data_names_the_classes():
    truth = target((1, (2, 2, 12, 12)))
    plain = scores_of((found(truth), truth)).to_dict(["ground", "cat", "dog"])
    assert plain["pq_of_classes"] == {"ground": 1, "cat": 1, "dog": None}
    assert plain["pq_stuff"] == plain["pq_things"] == 1
