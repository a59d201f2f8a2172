"""Metrics against scikit-learn and torchmetrics."""

import json
import sys
from pathlib import Path

import pytest
import sklearn.metrics
import torch
from sklearn.metrics import f1_score, jaccard_score, recall_score
from torch import Tensor
from torch.multiprocessing import spawn
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.segmentation import MeanIoU

import segzoo
from segzoo.metrics import Scores, SegmentationMetrics, confusion_matrix, predicted_classes

SMALL = Scores(torch.tensor([[8, 2, 0], [0, 10, 0], [0, 0, 0]]))  # no third class


def masks(classes: int = 5, images: int = 3) -> tuple[Tensor, Tensor]:
    """Predicted and true classes that agree often, of the last class neither; some ignored."""
    truth = torch.randint(0, classes - 1, (images, 17, 13))
    predicted = torch.where(torch.rand(truth.shape) < 0.6, truth, torch.randint(0, classes - 1, truth.shape))
    truth[:, :3] = segzoo.IGNORE
    return predicted, truth


def counted(predicted: Tensor, truth: Tensor, classes: int = 5) -> Scores:
    metrics = SegmentationMetrics(classes)
    for one, true in zip(predicted, truth, strict=True):
        metrics.update(one[None], true[None])
    return metrics.compute()


def test_the_confusion_is_that_of_scikit_learn() -> None:
    predicted, truth = masks()
    kept = truth != segzoo.IGNORE
    expected = sklearn.metrics.confusion_matrix(truth[kept], predicted[kept], labels=range(5))
    assert counted(predicted, truth).confusion.equal(torch.from_numpy(expected))
    assert confusion_matrix(predicted, truth, 5).equal(torch.from_numpy(expected))


def test_the_scores_are_those_of_scikit_learn() -> None:
    predicted, truth = masks()
    kept = truth != segzoo.IGNORE
    scores = counted(predicted, truth)
    for ours, theirs in ((scores.iou, jaccard_score), (scores.dice, f1_score), (scores.recall, recall_score)):
        expected = theirs(truth[kept], predicted[kept], labels=range(4), average=None)
        torch.testing.assert_close(ours[:4], torch.from_numpy(expected))
        assert ours[4].isnan()
    assert scores.accuracy == pytest.approx((truth == predicted)[kept].double().mean().item())


def test_the_mean_iou_is_that_of_torchmetrics_jaccard_index() -> None:
    predicted, truth = masks()
    theirs = MulticlassJaccardIndex(5, ignore_index=segzoo.IGNORE)(predicted, truth)
    assert counted(predicted, truth).miou == pytest.approx(theirs.item())


def test_the_mean_iou_is_of_the_set_unlike_torchmetrics_mean_iou() -> None:
    """A class that fills one image and is a speck in another: by image the speck counts as much."""
    truth = torch.zeros(2, 1, 100, dtype=torch.long)
    truth[0, 0, :99] = 1
    truth[1, 0, 0] = 1
    predicted = truth.clone()
    predicted[1, 0, 0] = 0
    scores = counted(predicted, truth, 2)
    assert scores.iou.tolist() == pytest.approx([100 / 101, 99 / 100])
    by_image = MeanIoU(num_classes=2, input_format="index")(predicted, truth).item()
    assert by_image == pytest.approx((1 + (0.99 + 0) / 2) / 2, abs=1e-4)
    assert scores.miou - by_image > 0.2


def test_logits_count_as_their_largest_class() -> None:
    predicted, truth = masks()
    logits = torch.nn.functional.one_hot(predicted, 5).movedim(-1, 1).float()
    assert counted(logits, truth).confusion.equal(counted(predicted, truth).confusion)


def test_a_single_class_is_there_above_a_logit_of_zero() -> None:
    logits = torch.tensor([-1.0, 0.0, 0.1, 2.0]).view(1, 1, 1, 4)
    assert predicted_classes(logits).tolist() == [[[0, 0, 1, 1]]]
    scores = counted(logits, torch.tensor([[[0, 1, 1, segzoo.IGNORE]]]), 1)
    assert scores.confusion.tolist() == [[1, 0], [1, 1]]


def test_nothing_counted_is_not_known() -> None:
    predicted, truth = masks()
    scores = counted(predicted, torch.full_like(truth, segzoo.IGNORE))
    assert scores.pixels == 0
    assert scores.to_dict()["miou"] is None
    assert scores.to_dict()["accuracy"] is None


def test_reset_begins_anew() -> None:
    predicted, truth = masks()
    metrics = SegmentationMetrics(5)
    metrics.update(truth.clamp_min(0), truth)
    metrics.reset()
    metrics.update(predicted, truth)
    assert metrics.compute().confusion.equal(counted(predicted, truth).confusion)


def test_scores_add_up() -> None:
    predicted, truth = masks()
    parts = counted(predicted[:1], truth[:1]) + counted(predicted[1:], truth[1:])
    assert parts.confusion.equal(counted(predicted, truth).confusion)


def test_scores_are_plain_data() -> None:
    scores = json.loads(json.dumps(SMALL.to_dict(["road", "sky", "car"]), allow_nan=False))
    assert scores == {
        "miou": pytest.approx((8 / 10 + 10 / 12) / 2, abs=1e-6),
        "accuracy": 0.9,
        "mdice": pytest.approx((16 / 18 + 20 / 22) / 2, abs=1e-6),
        "pixels": 20,
        "classes": {
            "road": {"iou": 0.8, "dice": pytest.approx(16 / 18, abs=1e-6), "recall": 0.8},
            "sky": {"iou": pytest.approx(10 / 12, abs=1e-6), "dice": pytest.approx(20 / 22, abs=1e-6), "recall": 1.0},
            "car": {"iou": None, "dice": None, "recall": None},
        },
    }


def test_scores_are_a_table() -> None:
    assert SMALL.table(["road", "sky", "1e5"]).splitlines() == [
        "class    IoU    Dice    recall",
        "-------  -----  ------  --------",
        "road     0.800  0.889   0.800",
        "sky      0.833  0.909   1.000",
        "1e5      -      -       -",
        "",
        "mIoU 0.817, mean Dice 0.899, pixel accuracy 0.900",
    ]


def test_scores_need_a_name_for_each_class() -> None:
    with pytest.raises(segzoo.OptionError, match="3 classes and 2 names"):
        SMALL.to_dict(["road", "sky"])


def test_scores_need_a_square_matrix() -> None:
    with pytest.raises(segzoo.InputError, match=r"got shape \(2, 3\)"):
        Scores(torch.zeros(2, 3, dtype=torch.long))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(segzoo.InputError, match="logits of 5 classes"):
        SegmentationMetrics(5).update(torch.zeros(1, 4, 8, 8), torch.zeros(1, 8, 8, dtype=torch.long))
    with pytest.raises(segzoo.InputError, match="target of shape"):
        SegmentationMetrics(5).update(torch.zeros(1, 5, 8, 8), torch.zeros(1, 4, 4, dtype=torch.long))


@pytest.mark.parametrize("value", [-1, 5, 255])
def test_classes_beyond_those_told_are_refused(value: int) -> None:
    right, wrong = torch.zeros(1, 2, 2, dtype=torch.long), torch.full((1, 2, 2), value)
    with pytest.raises(segzoo.DataError, match="expected classes from 0 to 4"):
        SegmentationMetrics(5).update(right, wrong)
    with pytest.raises(segzoo.DataError, match="expected classes from 0 to 4"):
        SegmentationMetrics(5).update(wrong, right)


def test_a_predicted_class_is_never_ignored() -> None:
    right = torch.zeros(1, 2, 2, dtype=torch.long)
    with pytest.raises(segzoo.DataError, match="expected classes from 0 to 4, got"):
        SegmentationMetrics(5).update(torch.full_like(right, segzoo.IGNORE), right)


def test_metrics_without_torchmetrics_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics.functional.classification", None)
    with pytest.raises(segzoo.MissingExtraError, match=r'pip install "segzoo-torch\[train\]"'):
        SegmentationMetrics(3)
    assert SMALL.accuracy == 0.9


def count_one_part(rank: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.manual_seed(0)
    predicted, truth = masks()
    scores = counted(predicted[rank::2], truth[rank::2])  # two images, and one
    torch.save(scores.confusion, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_count_as_one(tmp_path: Path) -> None:
    spawn(count_one_part, (str(tmp_path),), nprocs=2)
    torch.manual_seed(0)
    expected = counted(*masks()).confusion
    for rank in (0, 1):
        assert torch.load(tmp_path / f"{rank}.pt").equal(expected)
