import numpy as np
import pytest
import torch
from blobs import blobs, outputs, sure_classes
from pycocotools import mask as coco
from transformers import Mask2FormerImageProcessor

from segzoo.segmentation import Frame, RunLengths, find_instances

SIDE = Frame((384, 384), (384, 384))  # to which transformers resizes all masks
NOTHING = -20.0


def single(*boxes, size=(20, 30)):
    """Masks that are certain inside a box (left, top, right, bottom)."""
    masks = torch.full((len(boxes), *size), NOTHING)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = 20
    return masks


def classes(*labels, count=3, logit=20.0):
    """Class logits that are certain; None is no object."""
    logits = torch.zeros(len(labels), count + 1)
    for row, label in zip(logits, labels, strict=True):
        row[count if label is None else label] = logit
    return logits


FRAME = Frame((20, 30), (20, 30))


def test_objects_are_those_of_transformers():
    masks, logits = blobs(12, (96, 96), scale=3), sure_classes(12, 5) / 2
    (theirs,) = Mask2FormerImageProcessor().post_process_instance_segmentation(
        outputs(masks, logits), threshold=0.3, return_binary_maps=True
    )
    ours = find_instances(masks, logits, SIDE, threshold=0.3, top=12)
    expected = sorted(
        (
            (row["score"], row["label_id"], mask)
            for row, mask in zip(theirs["segments_info"], theirs["segmentation"], strict=True)
        ),
        key=lambda each: -each[0],
    )
    assert len(ours) == len(expected) > 3
    assert ours.labels.tolist() == [label for _, label, _ in expected]
    torch.testing.assert_close(ours.scores, torch.tensor([score for score, _, _ in expected]), atol=1e-5, rtol=0)
    differing = ours.masks != torch.stack([mask for _, _, mask in expected]).bool()
    assert differing.sum() <= 2  # a logit that is 0 to seven digits


def test_an_object_has_its_class_its_box_and_a_score():
    found = find_instances(single((3, 4, 10, 12)), classes(1), FRAME)
    assert (found.labels.tolist(), found.boxes.tolist()) == ([1], [[3, 4, 10, 12]])
    assert found.scores[0] > 0.999
    assert found.masks.shape == (1, 20, 30)
    assert found.masks.sum() == 7 * 8


def test_the_highest_score_comes_first():
    logits = classes(0, 1, 2)
    logits[1] /= 8
    found = find_instances(single((0, 0, 5, 5), (5, 5, 9, 9), (10, 10, 20, 20)), logits, FRAME)
    assert found.labels.tolist()[-1] == 1
    assert (found.scores.diff() <= 0).all()


def test_a_query_may_be_objects_of_several_classes():
    logits = torch.tensor([[5.0, 5.0, -9.0, -9.0]])
    found = find_instances(single((0, 0, 5, 5)), logits, FRAME, threshold=0.4)
    assert sorted(found.labels.tolist()) == [0, 1]


def test_the_border_that_was_padded_is_no_part_of_a_mask():
    found = find_instances(single((3, 4, 30, 20)), classes(1), Frame((20, 30), (18, 25)))
    assert found.boxes.tolist() == [[3, 4, 25, 18]]
    assert found.masks.shape == (1, 18, 25)


def test_an_object_in_the_padded_border_alone_is_none():
    assert len(find_instances(single((26, 4, 30, 20)), classes(1), Frame((20, 30), (18, 25)), threshold=0)) == 0


def test_top_and_threshold_leave_out_the_least():
    masks, logits = blobs(9, (20, 30)), sure_classes(9, 4)
    everything = find_instances(masks, logits, FRAME, threshold=0)
    best = find_instances(masks, logits, FRAME, threshold=0, top=3)
    certain = find_instances(masks, logits, FRAME, threshold=0.6)
    assert len(best) == 3
    assert set(best.scores.tolist()) <= set(everything.scores.tolist())
    assert certain.scores.tolist() == [score for score in everything.scores.tolist() if score > 0.6]


def test_stuff_has_no_objects_where_things_are_known():
    masks, logits = single((0, 0, 5, 5), (5, 5, 9, 9)), classes(0, 2)
    assert find_instances(masks, logits, FRAME, things=(2,)).labels.tolist() == [2]
    assert len(find_instances(masks, logits, FRAME, things=())) == 0


@pytest.mark.parametrize(
    ("masks", "logits"),
    [
        (single((0, 0, 0, 0)), classes(1)),
        (single((0, 0, 5, 5)), classes(None)),
        (torch.empty(0, 20, 30), torch.empty(0, 4)),
        (torch.full((2, 20, 30), torch.nan), torch.full((2, 4), torch.nan)),
    ],
    ids=["empty masks", "no object", "no queries", "not finite"],
)
def test_an_image_without_objects_has_none(masks, logits):
    found = find_instances(masks, logits, FRAME, threshold=0.1)
    assert len(found) == 0
    assert (found.masks.shape, found.boxes.shape, found.scores.shape) == ((0, 20, 30), (0, 4), (0,))
    assert found.to_coco(1) == []


def test_coco_takes_the_results():
    row = find_instances(single((3, 4, 10, 12)), classes(1), FRAME).to_coco(image=139)[0]
    assert (row["image_id"], row["category_id"], row["bbox"]) == (139, 1, [3, 4, 7, 8])
    assert coco.area(row["segmentation"]) == 56


def test_torchvision_and_torchmetrics_take_the_results():
    form = find_instances(single((3, 4, 10, 12)), classes(1), FRAME).to_torchvision()
    assert {name: (tuple(each.shape), each.dtype) for name, each in form.items()} == {
        "boxes": ((1, 4), torch.float32),
        "labels": ((1,), torch.int64),
        "scores": ((1,), torch.float32),
        "masks": ((1, 20, 30), torch.bool),
    }


def test_a_mask_that_two_classes_share_is_kept_once():
    found = find_instances(single((0, 0, 5, 5)), torch.tensor([[5.0, 5.0, -9.0, -9.0]]), FRAME, threshold=0.4)
    assert found.runs[0] is found.runs[1]
    assert isinstance(found.runs[0], RunLengths)
    assert found.runs[0].counts.dtype == np.uint32
