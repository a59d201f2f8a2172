"""The demo's scenes: deterministic, labelled, and split by scan."""

import numpy as np
import pytest
import torch

from segzoo.demo import scenes
from segzoo.demo.clear import clear_scans, clear_scene
from segzoo.demo.scenes import CLASSES, scans, scene


def same(one, other):
    return np.array_equal(one.picture, other.picture) and np.array_equal(one.mask, other.mask)


def test_the_same_seed_gives_the_same_scene():
    assert same(scene("train", 2), scene("train", 2))


@pytest.mark.parametrize("other", [("train", 3, 0), ("val", 2, 0), ("train", 2, 1)], ids=["number", "split", "seed"])
def test_another_one_is_another_scene(other):
    split, index, seed = other
    assert not same(scene("train", 2), scene(split, index, seed=seed))


def test_splits_share_no_scan_and_use_all():
    ink = [{scan.numpy().tobytes() for scan in scans(split).ink} for split in ("train", "val")]
    assert not ink[0] & ink[1]
    assert sum(len(scans(split).digit) for split in ("train", "val")) == 1797


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_class_occurs(split):
    masks = np.stack([scene(split, index).mask for index in range(40)])
    assert np.array_equal(np.unique(masks), np.arange(len(CLASSES)))


@pytest.mark.parametrize("size", [32, 64, 97])
def test_picture_and_mask_agree(size):
    picture, mask, _ = scene("train", 0, size=size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert mask.shape == (size, size)
    assert mask.dtype == np.int64


def test_digits_are_brighter_than_the_background():
    several = [scene("train", index) for index in range(20)]
    bright = [scene.picture.max(axis=2)[scene.mask > 0].mean() for scene in several]
    dark = [scene.picture.max(axis=2)[scene.mask == 0].mean() for scene in several]
    assert min(bright) > max(dark)


def test_each_digit_is_an_object_of_one_class():
    for index in range(20):
        _, mask, instances = scene("train", index)
        assert np.array_equal(instances > 0, mask > 0)
        assert all(len(np.unique(mask[instances == number])) == 1 for number in np.unique(instances))


def test_digits_that_are_alike_are_told_apart():
    several = [scene("train", index) for index in range(40)]
    assert any(len(np.unique(each.instances)) > len(np.unique(each.mask)) for each in several)


def test_the_later_digit_lies_on_top(monkeypatch):
    drawn = []

    def cover_the_canvas(ink, size, rng):
        drawn.extend(ink[:, 0, 0].int().tolist())
        return np.ones((len(ink), size, size), np.float32)

    monkeypatch.setattr(scenes, "strew", cover_the_canvas)
    marked = scenes.Scans(torch.arange(10.0)[:, None, None].expand(10, 8, 8), np.arange(10))
    for seed in range(10):
        drawn.clear()
        _, mask, instances = scenes.compose(marked, 32, np.random.default_rng(seed))
        assert np.all(mask == 1 + drawn[-1])
        assert np.all(instances == len(drawn))


def test_a_clear_scene_has_few_digits_and_follows_from_its_number_and_seed():
    one, same, other = (clear_scene(index, size=64, seed=0) for index in (0, 0, 1))
    assert np.array_equal(one.picture, same.picture)
    assert not np.array_equal(one.picture, other.picture)
    assert one.instances.max() <= 3


def test_clear_scans_are_nearest_to_the_mean_of_their_own_digit():
    everything, clear = scans("val"), clear_scans()
    means = torch.stack([everything.ink[everything.digit == digit].mean(0) for digit in range(10)])
    nearest = torch.cdist(clear.ink.flatten(1), means.flatten(1)).argmin(1)
    assert nearest.tolist() == clear.digit.tolist()
    assert set(clear.digit) == set(range(10))
