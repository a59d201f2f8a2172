import json

import numpy as np
import pytest
import torch
from pycocotools import mask as coco

from segzoo.segmentation import RunLengths
from segzoo.segmentation.run_lengths import Tracer

RANDOM = np.random.default_rng(0)
MASKS = {
    "empty": np.zeros((5, 7), bool),
    "full": np.ones((5, 7), bool),
    "first pixel": np.arange(35).reshape(5, 7) == 0,
    "last pixel": np.arange(35).reshape(5, 7) == 34,
    "one column": np.arange(7)[None].repeat(5, 0) == 3,
    "noise": RANDOM.random((40, 30)) > 0.5,
    "one pixel image": np.ones((1, 1), bool),
    "large": np.pad(np.ones((700, 900), bool), ((150, 40), (3, 1000))),
    "checkered": np.indices((9, 8)).sum(0) % 2 == 0,
}


@pytest.fixture(params=MASKS)
def mask(request):
    return MASKS[request.param]


def test_runs_are_those_of_pycocotools(mask):
    assert RunLengths.of(mask).to_coco()["counts"].encode() == coco.encode(np.asfortranarray(mask, np.uint8))["counts"]


def test_pycocotools_reads_what_json_kept(mask):
    assert (coco.decode(json.loads(json.dumps(RunLengths.of(mask).to_coco()))) == mask).all()


def test_runs_give_the_mask_back(mask):
    assert (RunLengths.of(mask).mask() == mask).all()


def test_area_and_box_are_those_of_pycocotools(mask):
    runs = RunLengths.of(mask)
    theirs = coco.encode(np.asfortranarray(mask, np.uint8))
    left, top, right, bottom = runs.box
    assert runs.area == coco.area(theirs) == mask.sum()
    assert [left, top, right - left, bottom - top] == coco.toBbox(theirs).tolist()


def test_a_cut_is_the_mask_inside_its_box(mask):
    runs = RunLengths.of(mask)
    left, top, right, bottom = runs.box
    assert (runs.cut() == mask[top:bottom, left:right]).all()


@pytest.mark.parametrize("width", [1, 7, 30])
def test_masks_may_come_some_columns_at_a_time(width):
    masks = torch.from_numpy(RANDOM.random((4, 20, 30)) > 0.7)
    tracer = Tracer(4)
    for columns in masks.mT.split(width, dim=1):
        tracer.add(columns)
    for runs, mask in zip(tracer.runs((20, 30)), masks, strict=True):
        assert (runs.mask() == mask.numpy()).all()
