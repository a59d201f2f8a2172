"""Panoptic quality: by hand, pair by pair in plain Python, and against torchmetrics where that agrees."""

from __future__ import annotations

import math

import pytest
import torch
from objects import CLASSES, THINGS, as_panoptic, blobs
from torch import Tensor
from torchmetrics.detection import PanopticQuality

from segzoo.errors import InputError
from segzoo.evaluation import PanopticMetrics, PanopticScores
from segzoo.labels import IGNORE
from segzoo.segmentation import Panoptic, Segment

SIZE = 60, 80


def scored(found: Panoptic, target: Tensor, things: tuple[int, ...] | None = THINGS) -> PanopticScores:
    metrics = PanopticMetrics(CLASSES, things)
    metrics.update(found, target)
    return metrics.compute()


def row(ids: list[int], labels: list[int]) -> Panoptic:
    """A prediction one pixel high; the labels of ids 1, 2, ..."""
    segments = [Segment(number, label, 1.0, True, 0, (0, 0, 0, 0)) for number, label in enumerate(labels, 1)]
    return Panoptic(torch.tensor([ids], dtype=torch.int32), tuple(segments))


def truth(classes: list[int], objects: list[int]) -> Tensor:
    return torch.tensor([[classes], [objects]])


def pair_by_pair(found: Panoptic, target: Tensor) -> list[tuple[float, int, int, int]]:
    """For each class what COCO's definition says, mask by mask."""
    classes, objects = target
    void = classes == IGNORE
    true = [
        (label, (classes == label) & (objects == number))
        for label, number in target[:, ~void].unique(dim=1).T.tolist()
        if number != -1
    ]
    predicted = [(each.label, found.ids == each.id) for each in found.segments]
    rows = []
    for label in range(CLASSES):
        crowd = (classes == label) & (objects == -1)
        overlap, hit_true, hit_predicted = 0.0, set(), set()
        for i, (its, mask) in enumerate(predicted):
            for j, (other, real) in enumerate(true):
                if its == other == label:
                    iou = (mask & real).sum().item() / ((mask & ~void) | real).sum().item()
                    if iou > 0.5:
                        overlap += iou
                        hit_true.add(j)
                        hit_predicted.add(i)
        wrong = [
            mask
            for i, (its, mask) in enumerate(predicted)
            if its == label and i not in hit_predicted and (mask & (void | crowd)).sum() <= mask.sum() / 2
        ]
        missed = [j for j, (other, _) in enumerate(true) if other == label and j not in hit_true]
        rows.append((overlap, len(hit_true), len(wrong), len(missed)))
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_counts_are_those_of_the_definition(seed: int) -> None:
    target = blobs(seed, SIZE)
    moved = as_panoptic(blobs(seed, SIZE, void=False, crowds=False).roll((1, 2), (1, 2)))
    found = scored(moved, target)
    expected = pair_by_pair(moved, target)
    assert found.overlap.tolist() == pytest.approx([each[0] for each in expected])
    for place, counts in enumerate((found.found, found.wrong, found.missed), 1):
        assert counts.tolist() == [each[place] for each in expected]


def test_some_of_these_match_and_some_do_not() -> None:
    kinds = torch.zeros(3)
    for seed in range(8):
        found = scored(as_panoptic(blobs(seed, SIZE, void=False, crowds=False).roll((1, 2), (1, 2))), blobs(seed, SIZE))
        kinds += torch.stack([found.found.sum(), found.wrong.sum(), found.missed.sum()])
    assert (kinds > 10).all()


@pytest.mark.parametrize("seed", range(4))
def test_quality_is_torchmetrics_where_there_are_no_crowds_and_something_is_found_everywhere(seed: int) -> None:
    target = blobs(seed, SIZE, crowds=False)
    moved = blobs(seed, SIZE, void=False, crowds=False).roll((1, 2), (1, 2))
    peer = PanopticQuality(set(THINGS), {0, 1}, allow_unknown_preds_category=True, return_sq_and_rq=True)
    peer.update(moved.permute(1, 2, 0)[None], target.permute(1, 2, 0)[None])
    means = scored(as_panoptic(moved), target).means()
    assert [means["pq"], means["sq"], means["rq"]] == pytest.approx(peer.compute().tolist())


def test_what_is_there_is_of_quality_one() -> None:
    target = blobs(1)
    found = scored(as_panoptic(target), target)
    assert found.means() == {"pq": 1, "sq": 1, "rq": 1}


def test_a_segment_by_hand() -> None:
    found = scored(row([1, 1, 1, 1, 2, 2], [2, 2]), truth([2, 2, 2, 2, 2, 2], [1, 1, 1, 2, 2, 2]))
    # Object 1 matches with 3 / 4, object 2 with 2 / 3.
    assert found.overlap[2].item() == pytest.approx(3 / 4 + 2 / 3)
    assert found.pq[2].item() == found.sq[2].item() == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert found.rq[2] == 1


def test_one_half_is_no_match() -> None:
    found = scored(row([1, 1, 0, 0], [0]), truth([0] * 4, [0] * 4))
    assert (found.found[0], found.wrong[0], found.missed[0]) == (0, 1, 1)
    assert (found.pq[0], found.sq[0], found.rq[0]) == (0, 0, 0)


def test_what_is_missed_counts_where_nothing_is_predicted() -> None:
    found = scored(row([0] * 4, []), truth([0, 0, 2, 2], [0, 0, 1, 2]))
    assert found.missed.tolist() == [1, 0, 2, 0]
    assert found.means()["pq"] == 0


def test_pixels_without_a_class_do_not_lower_the_iou() -> None:
    found = scored(row([1, 1, 1, 1], [0]), truth([0, 0, IGNORE, IGNORE], [0] * 4))
    assert found.overlap[0] == 1


def test_a_segment_mostly_on_a_crowd_of_its_class_is_not_wrong() -> None:
    target = truth([2, 2, 2, 0], [-1, -1, -1, 0])
    assert scored(row([1, 1, 0, 2], [2, 0]), target).wrong.tolist() == [0, 0, 0, 0]
    assert scored(row([1, 1, 0, 2], [3, 0]), target).wrong.tolist() == [0, 0, 0, 1]


def test_a_crowd_of_an_unknown_class_excuses_any() -> None:
    target = truth([IGNORE] * 3 + [0], [-1, -1, -1, 0])
    for label in THINGS:
        assert not scored(row([1, 1, 0, 2], [label, 0]), target).wrong.any()


def test_a_crowd_is_not_missed() -> None:
    assert not scored(row([0, 0], []), truth([2, 2], [-1, -1])).missed.any()


def test_a_class_that_is_neither_there_nor_predicted_does_not_count() -> None:
    found = scored(row([1, 1], [2]), truth([2, 2], [1, 1]))
    assert [math.isnan(each) for each in found.pq.tolist()] == [True, True, False, True]
    assert found.means()["pq"] == 1
    assert math.isnan(found.means([0, 1])["pq"])


def test_images_are_counted_together() -> None:
    metrics = PanopticMetrics(CLASSES, THINGS)
    metrics.update(row([1, 1], [2]), truth([2, 2], [1, 1]))
    metrics.update(row([0, 0, 0], []), truth([2, 2, 2], [1, 1, 1]))
    assert metrics.compute().rq[2].item() == pytest.approx(2 / 3)
    metrics.reset()
    assert math.isnan(metrics.compute().means()["pq"])


def test_an_id_without_a_segment_is_nothing() -> None:
    found = scored(row([7, 7, 1, 1], [2]), truth([0, 0, 2, 2], [0, 0, 1, 1]))
    assert (found.found.tolist(), found.wrong.tolist(), found.missed.tolist()) == ([0, 0, 1, 0], [0] * 4, [1, 0, 0, 0])


def test_things_and_stuff_have_means_of_their_own() -> None:
    found = scored(row([1, 1, 0, 0], [2]), truth([2, 2, 0, 0], [1, 1, 0, 0]))
    plain = found.to_dict(("sky", "road", "car", "person"))
    assert (plain["pq"], plain["things"]["pq"], plain["stuff"]["pq"]) == (0.5, 1, 0)
    assert plain["classes"]["car"] == {"pq": 1, "sq": 1, "rq": 1, "found": 1, "wrong": 0, "missed": 0}
    assert plain["classes"]["person"]["pq"] is None
    assert str(found) == "PQ 0.500, SQ 0.500, RQ 0.500, PQ of things 1.000, PQ of stuff 0.000"


def test_without_known_things_there_is_one_mean() -> None:
    assert "things" not in scored(row([1], [0]), truth([0], [0]), things=None).to_dict()


def test_another_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected a target of shape \(2, 1, 2\), got"):
        scored(row([0, 0], []), truth([0], [0]))
