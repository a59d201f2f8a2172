from pathlib import Path

import numpy as np
import pytest
from dataset_facts import open_files, photo, pickled, recognising, save

from segzoo import IGNORE, DataError
from segzoo.data import open_dataset

MASK = np.arange(24).reshape(4, 6) + 127  # 127 to 150
TRAIN, VAL = "training/ADE_train_00000001", "validation/ADE_val_00000001"


@pytest.fixture
def ade(tmp_path: Path) -> Path:
    root = tmp_path / "ADEChallengeData2016"
    for name in (TRAIN, VAL):
        save(root / "images" / f"{name}.jpg", photo())
        save(root / "annotations" / f"{name}.png", np.where(MASK == 127, 0, MASK))
    return root


def test_no_other_form_recognises_it(ade):
    assert recognising(ade) == {"ade20k"}


def test_its_table_of_classes_makes_it_sure(ade):
    for file in ade.rglob("ADE_*"):
        file.rename(file.with_name(file.name.removeprefix("ADE_")))
    assert recognising(ade) == {"folder"}
    (ade / "objectInfo150.txt").touch()
    assert recognising(ade) == {"ade20k"}


@pytest.mark.parametrize("above", [0, 1])
def test_it_is_found_in_the_folder_above(ade, above):
    assert open_dataset([ade, *ade.parents][above]).splits() == {"train": [TRAIN], "val": [VAL]}


def test_zero_belongs_to_no_class_and_the_others_move_down(ade):
    assert np.array_equal(open_dataset(ade).read(TRAIN).mask, np.where(MASK == 127, IGNORE, MASK - 1))


def test_its_classes_have_names_and_colours(ade):
    labels = open_dataset(ade).labels
    assert (len(labels.names), len(labels.palette)) == (150, 150)
    assert (labels.names[0], labels.palette[0]) == ("wall", (120, 120, 120))
    assert (labels.names[149], labels.palette[149]) == ("flag", (92, 0, 255))


def test_a_grey_photograph_has_three_channels(ade):
    save(ade / "images" / f"{TRAIN}.jpg", photo()[..., 0])
    assert open_dataset(ade).read(TRAIN).image.shape == (4, 6, 3)


def test_a_header_tells_the_size(ade):
    assert open_dataset(ade).size(VAL) == (4, 6)


def test_a_split_without_images_is_an_error(ade):
    (ade / "images" / f"{VAL}.jpg").unlink()
    with pytest.raises(DataError, match=r"images/validation has no images"):
        open_dataset(ade)


@pytest.mark.parametrize("file", [f"images/{TRAIN}.jpg", f"annotations/{TRAIN}.png"])
def test_a_missing_file_is_named(ade, file):
    dataset = open_dataset(ade)
    (ade / file).unlink()
    with pytest.raises(DataError, match=f"there is no file .*{file}"):
        dataset.read(TRAIN)


@pytest.mark.parametrize("file", [f"images/{TRAIN}.jpg", f"annotations/{TRAIN}.png"])
def test_a_corrupt_file_is_named(ade, file):
    (ade / file).write_bytes(b"no picture")
    with pytest.raises(DataError, match=f"{file} can't be read"):
        open_dataset(ade).read(TRAIN)


def test_it_goes_to_a_worker_process(ade):
    dataset = open_dataset(ade)
    dataset.read(TRAIN)
    assert np.array_equal(pickled(dataset).read(TRAIN).mask, dataset.read(TRAIN).mask)
    assert not open_files(ade)
