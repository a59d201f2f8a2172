"""The demo's training and its score, on cases made by hand."""

import itertools
import math

import pytest
import torch
from torch import nn

from segzoo.demo import training
from segzoo.demo.scenes import DigitScenes
from segzoo.demo.training import (
    confusion_matrix,
    evaluate,
    intersection_over_union,
    mean_iou,
    segmentation_loss,
    train,
)


def confusion(predicted, truth, classes):
    return confusion_matrix(torch.tensor(predicted), torch.tensor(truth), classes)


def test_rows_are_truth_and_columns_predictions():
    assert confusion([1, 1, 0], [0, 1, 0], 2).tolist() == [[1, 1], [0, 1]]


def test_perfect_predictions_score_one():
    assert mean_iou(confusion([0, 1, 2, 2], [0, 1, 2, 2], 3)) == 1


def test_iou_is_intersection_over_union():
    # Class 0: 1 of 3 pixels in the union; class 1: 2 of 4.
    iou = intersection_over_union(confusion([0, 0, 1, 1, 1], [0, 1, 0, 1, 1], 2))
    assert iou.tolist() == pytest.approx([1 / 3, 2 / 4])


def test_an_absent_class_does_not_count():
    matrix = confusion([0, 0, 1], [0, 0, 1], 3)
    assert math.isnan(intersection_over_union(matrix)[2])
    assert mean_iou(matrix) == 1


def test_a_class_that_is_only_predicted_counts_as_zero():
    assert mean_iou(confusion([0, 2], [0, 0], 3)) == pytest.approx((1 / 2 + 0) / 2)


def test_a_class_that_is_only_true_counts_as_zero():
    assert mean_iou(confusion([0, 0], [0, 2], 3)) == pytest.approx((1 / 2 + 0) / 2)


def test_evaluation_counts_every_pixel_of_every_scene_once():
    scenes = DigitScenes("held-out", 5, size=32)
    matrix = evaluate(nn.Conv2d(3, 11, 1), scenes, 11, batch_size=2)
    truth = torch.stack([mask for _, mask in scenes])
    assert torch.equal(matrix.sum(1), torch.bincount(truth.flatten(), minlength=11))


def test_the_loss_is_lowest_for_the_truth():
    mask = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    truth = nn.functional.one_hot(mask, 3).movedim(-1, 1) * 20.0
    right, wrong, unsure = (
        segmentation_loss(truth, mask),
        segmentation_loss(-truth, mask),
        segmentation_loss(0 * truth, mask),
    )
    assert right < 0.01 < unsure < wrong


def test_training_lowers_the_loss_and_reports_each_step():
    torch.manual_seed(0)
    losses = []
    train(
        nn.Conv2d(3, 11, 1), DigitScenes("train", 78, size=32), batch_size=4, learning_rate=0.1, on_step=losses.append
    )
    assert len(losses) == 20
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_training_ends_when_its_time_is_up(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(training.time, "monotonic", lambda: float(next(clock)))
    losses = []
    train(nn.Conv2d(3, 11, 1), DigitScenes("train", 40, size=16), batch_size=1, seconds=10, on_step=losses.append)
    assert len(losses) == 10


def test_the_time_shortens_the_whole_cycle_of_the_learning_rate(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(training.time, "monotonic", lambda: float(next(clock)))
    rates = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(
        torch.optim.AdamW,
        "step",
        lambda self, *given: rates.append(self.param_groups[0]["lr"]) or step(self, *given),
    )
    train(nn.Conv2d(3, 11, 1), DigitScenes("train", 40, size=16), batch_size=1, seconds=10, learning_rate=1e-3)
    assert max(rates) == pytest.approx(1e-3, rel=0.05)
    assert rates[-1] < 1e-4
