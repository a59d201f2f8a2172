"""The demo's scenes: deterministic, labelled, and split by scan."""

import numpy as np
import pytest
import torch

import segzoo
from segzoo.demo import scenes
from segzoo.demo.scenes import CLASSES, DigitScenes, scans


def same(one, other):
    return np.array_equal(one.picture, other.picture) and np.array_equal(one.mask, other.mask)


def test_the_same_seed_gives_the_same_scene():
    assert same(DigitScenes("train", 3).scene(2), DigitScenes("train", 3).scene(2))


def test_a_longer_dataset_begins_with_the_shorter_one():
    assert same(DigitScenes("train", 3).scene(2), DigitScenes("train", 300).scene(2))


def test_another_seed_gives_another_scene():
    assert not same(DigitScenes("train", 3).scene(2), DigitScenes("train", 3, seed=1).scene(2))


def test_splits_give_different_scenes():
    assert not same(DigitScenes("train", 3).scene(2), DigitScenes("held-out", 3).scene(2))


def test_splits_share_no_scan_and_use_all():
    ink = [{scan.numpy().tobytes() for scan in scans(split).ink} for split in ("train", "held-out")]
    assert not ink[0] & ink[1]
    assert sum(len(scans(split).digit) for split in ("train", "held-out")) == 1797


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_every_class_occurs(split):
    dataset = DigitScenes(split, 40)
    masks = np.stack([dataset.scene(index).mask for index in range(len(dataset))])
    assert np.array_equal(np.unique(masks), np.arange(len(CLASSES)))


@pytest.mark.parametrize("size", [32, 64, 97])
def test_picture_image_and_mask_agree(size):
    dataset = DigitScenes("train", 1, size=size)
    picture, mask = dataset.scene(0)
    image, labels = dataset[0]
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert mask.shape == (size, size)
    assert mask.dtype == np.int64
    assert image.shape == (3, size, size)
    assert image.dtype == torch.float32
    assert torch.equal(image, segzoo.Preprocessing()(picture))
    assert np.array_equal(labels, mask)


def test_the_preprocessing_is_the_models():
    half = segzoo.Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    image, _ = DigitScenes("train", 1, preprocessing=half)[0]
    assert -1 <= image.min() < -0.5 < 0.5 < image.max() <= 1


def test_digits_are_brighter_than_the_background():
    several = [DigitScenes("train", 20).scene(index) for index in range(20)]
    bright = [scene.picture.max(axis=2)[scene.mask > 0].mean() for scene in several]
    dark = [scene.picture.max(axis=2)[scene.mask == 0].mean() for scene in several]
    assert min(bright) > max(dark)


def test_the_later_digit_lies_on_top(monkeypatch):
    drawn = []

    def cover_the_canvas(ink, size, rng):
        drawn.extend(ink[:, 0, 0].int().tolist())
        return np.ones((len(ink), size, size), np.float32)

    monkeypatch.setattr(scenes, "strew", cover_the_canvas)
    marked = scenes.Scans(torch.arange(10.0)[:, None, None].expand(10, 8, 8), np.arange(10))
    for seed in range(10):
        mask = scenes.compose(marked, 32, np.random.default_rng(seed)).mask
        assert np.all(mask == 1 + drawn[-1])


def test_a_dataset_ends():
    assert len(list(DigitScenes("train", 3, size=16))) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "test", "count": 1}, "train, held-out, got 'test'"),
        ({"split": "train", "count": 0}, "count=0"),
        ({"split": "train", "count": 1, "size": 8}, "size=8"),
    ],
)
def test_bad_options_are_named(arguments, message):
    with pytest.raises(segzoo.OptionError, match=message):
        DigitScenes(**arguments)
