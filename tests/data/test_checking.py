"""A look at all samples before anything trains."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from segzoo.cli import main
from segzoo.data import check, open_dataset, split
from segzoo.data.sheet import choose
from segzoo.errors import DataError


def save(root, split_name, stem, image, mask):
    for kind, array in (("images", image), ("masks", mask)):
        (root / split_name / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(root / split_name / kind / f"{stem}.png")


def noise(seed, side=40):
    return np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)


def half(value, side=40):
    """A mask of two classes, half and half."""
    mask = np.zeros((side, side), np.uint8)
    mask[side // 2 :] = value
    return mask


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "set"
    for number in range(3):
        save(root, "train", f"{number}", noise(number), half(1 + number % 2))
    save(root, "val", "9", noise(9, 64), half(1, 64))
    (root / "classes.txt").write_text("ground\nroad\nhouse\n")
    return root


def look(root):
    dataset = open_dataset(root)
    return check(dataset, split(dataset), quiet=True)


def test_pixels_and_images_of_each_class_are_counted(folder):
    train = look(folder).splits["train"]
    assert (train.pixels, train.images) == ((2400, 1600, 800), (3, 2, 1))


def test_sizes_are_told(folder):
    report = look(folder)
    assert (report.splits["train"].largest, report.splits["val"].smallest) == ((40, 40), (64, 64))


def test_a_sound_dataset_has_neither_errors_nor_warnings_but_for_what_validation_lacks(folder):
    report = look(folder)
    assert not report.errors
    assert list(report.warnings) == ["no pixel of val is of class house: it can't be measured"]


def test_a_class_that_is_never_seen_is_said(folder):
    (folder / "classes.txt").write_text("ground\nroad\nhouse\ntree\n")
    assert any("no pixel of train is of class tree" in each for each in look(folder).warnings)


def test_a_corrupt_file_is_listed_and_the_others_counted(folder):
    (folder / "train" / "images" / "1.png").write_bytes(b"no picture")
    report = look(folder)
    assert list(report.errors) == ["train/images/1.png"]
    assert report.splits["train"].samples == 2


def test_sizes_that_differ_are_listed(folder):
    save(folder, "train", "1", noise(1, 44), half(1))
    assert "44x44" in look(folder).errors["train/images/1.png"]


def test_values_beyond_the_classes_are_listed(folder):
    save(folder, "train", "1", noise(1), half(7))
    assert "[7]" in look(folder).errors["train/images/1.png"]


def test_an_image_in_both_splits_is_said(folder):
    save(folder, "val", "9", noise(0), half(1))
    assert any("1 images of val are in train too" in each for each in look(folder).warnings)


def test_one_class_nearly_everywhere_is_said(folder):
    for number in range(3):
        save(folder, "train", f"{number}", noise(number), np.zeros((40, 40), np.uint8))
    assert any("100.0% of train is 'ground'" in each for each in look(folder).warnings)


def test_smeared_values_are_said(tmp_path):
    root = tmp_path / "set"
    mask = np.zeros((200, 200), np.uint8)
    mask[0, 1:8] = range(1, 8)
    save(root, "train", "0", noise(0, 200), mask)
    save(root, "val", "9", noise(9, 200), mask)
    assert any("a format that smears values" in each for each in look(root).warnings)


def test_nothing_that_can_be_used_is_an_error(folder):
    for image in folder.rglob("images/*.png"):
        image.write_bytes(b"")
    dataset = open_dataset(folder)
    dataset.__dict__["channels"] = 3
    with pytest.raises(DataError, match="none of the 4 samples"):
        check(dataset, split(dataset), quiet=True)


def test_the_sheet_shows_each_class(folder):
    dataset = open_dataset(folder)
    chosen = choose(dataset, list(dataset.splits()["train"]), 2)
    assert {int(each) for name in chosen for each in np.unique(dataset.read(name).mask)} == {0, 1, 2}


@pytest.fixture
def run(tmp_path):
    def invoke(*arguments):
        return CliRunner().invoke(main, ["data", *map(str, arguments), "--output", str(tmp_path / "sheet.png")])

    return invoke


def test_the_command_says_how_the_data_was_recognised(folder, run, tmp_path):
    result = run(folder)
    assert result.exit_code == 0, result.output
    assert "is read as folder: images in train/images/" in result.output
    assert Image.open(tmp_path / "sheet.png").format == "PNG"


def test_the_command_fails_where_something_cant_be_used(folder, run):
    (folder / "train" / "images" / "1.png").write_bytes(b"no picture")
    result = run(folder)
    assert result.exit_code == 1
    assert "1.png can't be read" in result.output


def test_the_command_prints_json(folder, run):
    result = run(folder, "--json")
    found = json.loads(result.output)
    assert (found["form"], found["splits"]["train"]["samples"]) == ("folder", 3)


def test_a_missing_folder_is_one_line(tmp_path, run):
    result = run(tmp_path / "missing")
    assert result.exit_code == 1
    assert "there is nothing at" in result.output
