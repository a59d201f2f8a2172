"""The demo's scenes as a dataset, and as the files of one."""

import numpy as np
import pytest
from PIL import Image

import segzoo
from segzoo.data import open_dataset
from segzoo.demo import scenes
from segzoo.demo.dataset import ScenesDataset
from segzoo.demo.scenes import CLASSES, PALETTE, THINGS, scene, write_scenes


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "new" / "digits"
    write_scenes(folder, train=3, val=2, size=32, seed=5)
    return folder


def test_samples_are_scenes():
    dataset = ScenesDataset(train=3, val=2, size=32, seed=5)
    assert dataset.splits() == {"train": ["train/0", "train/1", "train/2"], "val": ["val/0", "val/1"]}
    sample, expected = dataset.read("val/1"), scene("val", 1, size=32, seed=5)
    assert np.array_equal(sample.image, expected.picture)
    assert np.array_equal(sample.mask, expected.mask)
    assert np.array_equal(sample.instances, expected.instances)
    assert dataset.size("val/1") == sample.mask.shape


@pytest.mark.parametrize("numbers", [{"train": 0}, {"val": 0}, {"size": 8}])
def test_numbers_out_of_range_are_refused(numbers, tmp_path):
    (wrong,) = numbers
    with pytest.raises(segzoo.OptionError, match=f"{wrong}={numbers[wrong]}"):
        ScenesDataset(**{"train": 1, "val": 1, **numbers})
    with pytest.raises(segzoo.OptionError, match=f"{wrong}={numbers[wrong]}"):
        write_scenes(tmp_path / "digits", **numbers)
    assert not any(tmp_path.iterdir())


def test_written_scenes_are_a_dataset_of_files(written):
    dataset = open_dataset(written)
    splits = dataset.splits()
    assert {split: len(names) for split, names in splits.items()} == {"train": 3, "val": 2}
    assert dataset.has_instances
    assert dataset.labels == ScenesDataset.labels == segzoo.Labels(CLASSES, PALETTE, THINGS)
    for split, names in splits.items():
        for index, name in enumerate(names):
            sample, expected = dataset.read(name), scene(split, index, size=32, seed=5)
            assert np.array_equal(sample.image, expected.picture)
            assert np.array_equal(sample.mask, expected.mask)
            assert np.array_equal(sample.instances, expected.instances)


def test_masks_are_coloured_to_look_at(written):
    mask = written / "train" / "masks" / "00000.png"
    with Image.open(mask) as opened:
        assert opened.mode == "P"
        classes, colours = np.array(opened), np.array(opened.convert("RGB"))
    assert np.array_equal(colours, np.array(PALETTE)[classes])


def test_an_empty_folder_is_filled(tmp_path):
    write_scenes(tmp_path, train=1, val=1, size=16)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["classes.txt", "things.txt", "train", "val"]


def test_a_folder_with_something_in_it_stays_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(segzoo.OptionError, match="has something in it"):
        write_scenes(tmp_path, train=1, val=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "digits").write_text("mine")
    with pytest.raises(segzoo.OptionError, match="digits"):
        write_scenes(tmp_path / "digits", train=1, val=1)


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(segzoo.OptionError, match="can't write scenes to"):
        write_scenes(tmp_path / "file" / "digits", train=1, val=1)


def test_what_was_interrupted_leaves_nothing(tmp_path, monkeypatch):
    def stop(split, index, **rest):
        if split == "val":
            raise KeyboardInterrupt
        return scene(split, index, **rest)

    monkeypatch.setattr(scenes, "scene", stop)
    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path / "digits", train=2, val=2, size=16)
    assert not any(tmp_path.iterdir())
