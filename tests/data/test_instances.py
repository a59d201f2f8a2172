"""Objects that are told apart: from a sample's two maps to batches of targets."""

from typing import Any

import numpy as np
import pytest
import torch
from arrays import Arrays
from torchvision import tv_tensors

from segzoo.data import Augmentation, Draw, Evenly, Samples, check, classes_of_batch, collate, loader
from segzoo.data.sheet import draw_sheet
from segzoo.errors import DataError, OptionError
from segzoo.labels import IGNORE
from segzoo.losses import segments_of
from segzoo.preprocessing import Preprocessing

PLAIN = Preprocessing()
IMAGE = np.full((4, 6, 3), 90, np.uint8)
MASK = np.array([[0, 0, 1, 1, 2, 2]] * 4)
"""Class 0 is stuff."""
OBJECTS = np.array([[9, 9, 1, 2, 1, 0]] * 4)


def one(objects: Any = OBJECTS, mask: Any = MASK, things: Any = (1, 2), **options: Any) -> Arrays:
    return Arrays({"a.png": IMAGE}, {"a.png": mask}, {"a.png": objects}, things=things, **options)


def target(data: Arrays) -> list[list[int]]:
    """The first row of both maps."""
    _, mask = Samples(data, ["a.png"], PLAIN, instances=True)[0]
    assert (mask.dtype, mask.shape) == (torch.int64, (2, 4, 6))
    return mask[:, 0].tolist()


def test_a_thing_of_no_object_has_no_class_and_stuff_no_objects() -> None:
    assert target(one()) == [[0, 0, 1, 1, 2, IGNORE], [0, 0, 1, 2, 1, 0]]


def test_objects_are_as_they_are_numbered_where_things_are_not_known() -> None:
    assert target(one(things=None)) == [MASK[0].tolist(), OBJECTS[0].tolist()]


def test_a_crowd_has_no_class() -> None:
    assert target(one(crowds=(2,))) == [[0, 0, 1, IGNORE, 2, IGNORE], [0, 0, 1, 0, 1, 0]]


def test_each_pair_is_a_segment() -> None:
    _, (classes, objects) = Samples(one(), ["a.png"], PLAIN, instances=True)[0]
    segments = segments_of(classes, objects)
    assert segments.labels.tolist() == [0, 1, 1, 2]
    assert segments.masks.sum((1, 2)).tolist() == [8, 4, 4, 4]


def test_objects_are_left_out_where_they_are_not_asked_for() -> None:
    _, mask = Samples(one(crowds=(2,)), ["a.png"], PLAIN)[0]
    assert np.array_equal(mask, MASK)


def test_a_sample_that_is_read_stays_as_it_is() -> None:
    data = one(crowds=(2,))
    target(data)
    assert np.array_equal(data.masks["a.png"], [[0, 0, 1, 1, 2, 2]] * 4)
    assert np.array_equal(data.instances["a.png"], [[9, 9, 1, 2, 1, 0]] * 4)


def test_data_that_tells_no_objects_apart_is_refused_early() -> None:
    with pytest.raises(DataError, match="arrays tells no objects apart: take data that has a map of them"):
        Samples(Arrays({"a.png": IMAGE}, {"a.png": MASK}), ["a.png"], PLAIN, instances=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (one(None), "a.png: it has no map of objects, as the others have"),
        (one(OBJECTS[:2]), "a.png: its mask has 4x6 pixels and its map of objects 2x6"),
        (one(OBJECTS[..., None]), "a.png: its mask has 4x6 pixels and its map of objects 4x6x1"),
        (one(OBJECTS - 1), "a.png: its map of objects has int64 values from -1 on; expected whole numbers"),
        (one(OBJECTS / 2), "a.png: its map of objects has float64 values"),
        (one(crowds=(0,)), r"a.png: crowds are numbers of objects, from 1 on, got \(0,\)"),
    ],
)
def test_a_map_of_objects_that_is_none_is_an_error(data: Arrays, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Samples(data, ["a.png"], PLAIN)[0]


# A look at all samples


def test_objects_are_counted_by_class() -> None:
    report = check(one(crowds=(2,)), {"train": ["a.png"]}, quiet=True)
    assert report.splits["train"].objects == (0, 1, 1)


def test_nothing_is_counted_where_nothing_is_told_apart() -> None:
    report = check(Arrays({"a.png": IMAGE}, {"a.png": MASK}), {"train": ["a.png"]}, quiet=True)
    assert report.splits["train"].objects is None


@pytest.mark.parametrize(
    ("objects", "warning"),
    [
        (OBJECTS, "16.67% of train is of things and belongs to no object: such pixels are ignored"),
        (OBJECTS * 0, "train has no objects: see whether its maps of objects are empty"),
    ],
)
def test_things_without_an_object_are_said(objects: Any, warning: str) -> None:
    report = check(one(objects), {"train": ["a.png"]}, quiet=True)
    assert any(each.startswith(warning) for each in report.warnings)


def test_the_sheet_has_outlines(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: dict[str, Any] = {}
    monkeypatch.setattr("segzoo.data.sheet.draw_rows", lambda path, text, drawn, *rest, **other: rows.update(drawn))
    mask, objects = large()
    data = Arrays({"a": np.zeros((40, 40, 3), np.uint8)}, {"a": mask}, {"a": objects}, things=(1, 2))
    draw_sheet(tmp_path / "sheet.png", data, ["a"])
    (drawn,) = rows["both"]
    white = (drawn == 255).all(2)
    assert white[5, 3:18].all()
    assert white[22:38, 15].all()
    assert white.sum() == 2 * (15 + 13) + 2 * (18 + 14)


# Augmentation


def large(side: int = 40) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A mask of stuff with two things, whose objects are their class and ten."""
    mask = np.zeros((side, side), np.int64)
    mask[5:20, 3:18], mask[22:38, 15:33] = 1, 2
    return mask, np.where(mask, 10 + mask, 0)


def test_both_maps_are_changed_alike() -> None:
    mask, objects = large()
    augment = Augmentation((32, 48), scale=(0.5, 2.0), vertical=0.5)
    for _ in range(20):
        both = tv_tensors.Mask(torch.from_numpy(np.stack([mask, objects])))
        image, changed = augment(tv_tensors.Image(torch.zeros(3, 40, 40, dtype=torch.uint8)), both)
        assert (image.shape, changed.shape, type(changed)) == ((3, 32, 48), (2, 32, 48), tv_tensors.Mask)
        classes, numbers = changed.as_subclass(torch.Tensor)
        assert torch.equal(numbers, torch.where(classes > 0, 10 + classes, 0))


def test_a_map_of_objects_changes_nothing_about_the_mask() -> None:
    mask, objects = large()
    data = Arrays({"a": np.zeros((40, 40, 3), np.uint8)}, {"a": mask}, {"a": objects}, things=(1, 2))
    augment = Augmentation((24, 56))
    for seed in range(10):
        image, classes = Samples(data, ["a"], PLAIN, augment)[Draw(0, seed)]
        other, both = Samples(data, ["a"], PLAIN, augment, instances=True)[Draw(0, seed)]
        assert torch.equal(other, image)
        assert torch.equal(both[0], classes)


def test_what_is_padded_belongs_to_no_object() -> None:
    mask, objects = large()
    data = Arrays({"a": np.zeros((40, 40, 3), np.uint8)}, {"a": mask}, {"a": objects}, things=(1, 2))
    _, both = Samples(data, ["a"], PLAIN, Augmentation((64, 64), scale=(1, 1)), instances=True)[Draw(0, 1)]
    padded = both[0] == IGNORE
    assert padded.sum() == 64**2 - 40**2
    assert not both[1][padded].any()


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (lambda image, mask: (image, mask[0]), r"a mask of shape \(4, 6\).*\(2, height, width\)"),
        (lambda image, mask: (image, mask - torch.tensor([0, 3])[:, None, None]), "objects with the number -3"),
        (lambda image, mask: (image, mask * 50), r"a mask with the values \[-5000, 50, 100\]"),
    ],
)
def test_a_transform_that_spoils_a_map_is_refused(transform: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Samples(one(), ["a.png"], PLAIN, transform, instances=True)[0]


# Batches


def test_a_batch_is_padded_without_objects() -> None:
    sizes = [(4, 9), (7, 5)]
    images, masks = collate([(torch.ones(3, *size), torch.ones(2, *size).long()) for size in sizes])
    assert (images.shape, masks.shape) == ((2, 3, 7, 9), (2, 2, 7, 9))
    for (classes, objects), (height, width) in zip(masks, sizes, strict=True):
        assert (classes == IGNORE).sum() == 63 - height * width
        assert objects.sum() == objects[:height, :width].sum() == height * width


def test_workers_change_nothing() -> None:
    mask, objects = large()
    data = Arrays({"a": np.zeros((40, 40, 3), np.uint8)}, {"a": mask}, {"a": objects}, things=(1, 2))
    samples = Samples(data, ["a"] * 3, PLAIN, Augmentation((16, 16)), instances=True)
    (here,), (there,) = (list(loader(samples, Evenly(3, 3), workers)) for workers in (0, 1))
    assert here[1].shape == there[1].shape == (3, 2, 16, 16)


@pytest.mark.parametrize("transform", [None, Augmentation((BLANK := 32, BLANK))])
def test_a_blank_has_neither_classes_nor_objects(transform: Any) -> None:
    samples = Samples(one(), [], PLAIN, transform, instances=True)
    image, mask = samples[Draw(None, 0)]
    assert mask.shape == (2, BLANK, BLANK)
    assert (mask[0] == IGNORE).all()
    assert not mask[1].any()
    assert samples.is_blank(image, mask)
    assert samples.is_blank(image[None], mask[None])


def test_classes_are_had_of_any_batch() -> None:
    both = torch.stack([torch.full((2, 3, 5), 1), torch.full((2, 3, 5), 7)], 1)
    assert torch.equal(classes_of_batch(both), classes_of_batch(both[:, 0]))
