import json

import numpy as np
import pytest
import torch
from blobs import blobs, outputs, sure_classes
from test_instance import FRAME, SIDE, classes, single
from transformers import Mask2FormerImageProcessor

from segzoo.segmentation import Frame, find_segments


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_segments_are_those_of_transformers(seed):
    masks, logits = blobs(12, (384, 384), seed, scale=400), sure_classes(12, 5, seed)
    (theirs,) = Mask2FormerImageProcessor().post_process_panoptic_segmentation(
        outputs(masks, logits), threshold=0.8, overlap_mask_area_threshold=0.3, label_ids_to_fuse={0, 1}
    )
    ours = find_segments(masks, logits, SIDE, overlap=0.3, things=(2, 3, 4))
    # Theirs also has pixels that no mask claims by half, such as where the winner is at 0.1.
    claimed = (masks.sigmoid() >= 0.5)[(logits.softmax(-1).max(-1).values > 0.8) & (logits.argmax(-1) < 5)].any(0)
    assert torch.equal(ours.ids[claimed], theirs["segmentation"].int()[claimed])
    assert not ours.ids[~claimed].any()
    expected = {row["id"]: row["label_id"] for row in theirs["segments_info"]}
    assert {each.id: each.label for each in ours.segments} == expected
    assert len(expected) > 1


def test_a_pixel_goes_to_the_mask_that_claims_it_most():
    logits = classes(1, 2)
    logits[1] /= 8  # 0.79 of probability
    found = find_segments(single((0, 0, 20, 20), (18, 0, 30, 20)), logits, FRAME, threshold=0.5)
    assert [(each.label, each.area, each.box) for each in found.segments] == [
        (1, 400, (0, 0, 20, 20)),
        (2, 200, (20, 0, 30, 20)),
    ]
    assert (found.ids[:, :20] == 1).all()
    assert (found.ids[:, 20:] == 2).all()


def test_a_mask_that_loses_most_of_its_pixels_is_left_out():
    logits = classes(1, 2)
    logits[1] /= 8
    masks = single((0, 0, 20, 20), (10, 0, 22, 20))
    assert [each.label for each in find_segments(masks, logits, FRAME, threshold=0.5).segments] == [1]
    assert len(find_segments(masks, logits, FRAME, threshold=0.5, overlap=0.1).segments) == 2


def test_stuff_of_one_class_is_one_segment():
    masks = single((0, 0, 5, 5), (10, 0, 20, 5), (0, 10, 5, 20))
    (segment,) = find_segments(masks, classes(1, 1, 1), FRAME, things=(0,)).segments
    assert (segment.id, segment.thing, segment.area, segment.box) == (1, False, 125, (0, 0, 20, 20))


def test_things_of_one_class_are_told_apart_and_so_are_all_where_things_are_unknown():
    masks = single((0, 0, 5, 5), (10, 0, 20, 5))
    for things in ((1,), None):
        found = find_segments(masks, classes(1, 1), FRAME, things=things)
        assert [(each.id, each.thing) for each in found.segments] == [(1, True), (2, True)]


def test_ids_follow_each_other_where_masks_are_left_out():
    found = find_segments(single((0, 0, 5, 5), (0, 0, 0, 0), (10, 0, 20, 5)), classes(0, 1, 2), FRAME)
    assert [each.id for each in found.segments] == [1, 2]
    assert found.ids.unique().tolist() == [0, 1, 2]


def test_the_border_that_was_padded_counts_for_nothing():
    found = find_segments(single((20, 10, 30, 20)), classes(1), Frame((20, 30), (18, 25)))
    assert [(each.area, each.box) for each in found.segments] == [(40, (20, 10, 25, 18))]
    assert found.ids.shape == (18, 25)


@pytest.mark.parametrize(
    ("masks", "logits"),
    [
        (single((0, 0, 0, 0)), classes(1)),
        (single((0, 0, 5, 5)), classes(None)),
        (single((0, 0, 5, 5)), classes(1, logit=1.0)),
        (torch.empty(0, 20, 30), torch.empty(0, 4)),
        (torch.full((2, 20, 30), torch.nan), classes(0, 1)),
        (single((0, 0, 5, 5)), torch.full((1, 4), torch.nan)),
    ],
    ids=["empty masks", "no object", "not certain", "no queries", "masks not finite", "classes not finite"],
)
def test_an_image_without_segments_has_none(masks, logits):
    found = find_segments(masks, logits, FRAME)
    assert found.segments == ()
    assert found.ids.dtype == torch.int32
    assert not found.ids.any()


def test_strips_do_not_change_what_is_found(monkeypatch):
    masks, logits = blobs(12, (25, 33), scale=3), sure_classes(12, 5)
    frame = Frame((97, 131), (95, 130))
    whole = find_segments(masks, logits, frame)
    monkeypatch.setattr(Frame.strips, "__defaults__", (1,))
    cut = find_segments(masks, logits, frame)
    assert torch.equal(whole.ids, cut.ids)
    assert whole.segments == cut.segments


def test_the_picture_holds_ids_as_panopticapi_reads_them():
    found = find_segments(single((0, 0, 5, 5)), classes(1), FRAME)
    found.ids[0, 0] = 1 + 256 * 2 + 65536 * 3
    red, green, blue = np.moveaxis(found.picture().astype(int), 2, 0)
    assert (red + 256 * green + 65536 * blue == found.ids.numpy()).all()


def test_the_annotation_is_of_cocos_panoptic_form():
    annotation = json.loads(json.dumps(find_segments(single((2, 1, 5, 5)), classes(1), FRAME).to_coco(7, "7.png")))
    (row,) = annotation["segments_info"]
    assert (annotation["image_id"], annotation["file_name"]) == (7, "7.png")
    score = row.pop("score")
    assert score > 0.99
    assert row == {"id": 1, "category_id": 1, "isthing": 1, "iscrowd": 0, "area": 12, "bbox": [2, 1, 3, 4]}


def test_a_segment_is_cut_out_by_its_box():
    found = find_segments(single((2, 1, 5, 5)), classes(1), FRAME)
    assert found.cut(found.segments[0]).shape == (4, 3)
    assert found.cut(found.segments[0]).all()
