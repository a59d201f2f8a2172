from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_facts import open_files, photo, pickled, recognising, save
from PIL import Image

from segzoo import IGNORE, DataError, OptionError
from segzoo.data import Samples, open_dataset
from segzoo.preprocessing import Preprocessing

TRAIN, VAL, EXTRA = (
    "train/aachen/aachen_000000_000019",
    "val/munster/munster_000000_000019",
    "train_extra/bonn/bonn_1_1",
)
IDS = np.array([[7, 8, 11, 12, 13, 17], [19, 20, 21, 22, 23, 24], [25, 26, 27, 28, 31, 32], [33, 0, 14, 29, 30, 255]])
CLASSES = np.array([[*range(6)], [*range(6, 12)], [*range(12, 18)], [18, *[IGNORE] * 5]])


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    for name in (TRAIN, VAL, "test/berlin/berlin_000000_000019"):
        save(tmp_path / "leftImg8bit" / f"{name}_leftImg8bit.png", photo())
        save(tmp_path / "gtFine" / f"{name}_gtFine_labelIds.png", IDS)
    return tmp_path


@pytest.fixture
def coarse(cityscapes: Path) -> Path:
    save(cityscapes / "leftImg8bit" / f"{EXTRA}_leftImg8bit.png", photo())
    for name in (TRAIN, VAL, EXTRA):
        save(cityscapes / "gtCoarse" / f"{name}_gtCoarse_labelIds.png", np.full((4, 6), 7))
    return cityscapes


def test_no_other_form_recognises_it(cityscapes):
    assert recognising(cityscapes) == {"cityscapes"}


def test_the_test_set_has_no_masks_worth_reading(cityscapes):
    assert open_dataset(cityscapes).splits() == {"train": [TRAIN], "val": [VAL]}


def test_label_ids_become_the_nineteen_classes(cityscapes):
    assert np.array_equal(open_dataset(cityscapes).read(TRAIN).mask, CLASSES)


def test_train_ids_are_classes_already(cityscapes):
    file = cityscapes / "gtFine" / f"{TRAIN}_gtFine_labelTrainIds.png"
    save(file, np.where(CLASSES == IGNORE, 255, CLASSES))
    file.with_name(file.name.replace("TrainIds", "Ids")).unlink()
    assert np.array_equal(open_dataset(cityscapes).read(TRAIN).mask, CLASSES)


def test_names_and_colours_are_in_the_order_of_training_ids(cityscapes):
    labels = open_dataset(cityscapes).labels
    assert (len(labels.names), labels.names[13], labels.palette[13]) == (19, "car", (0, 0, 142))


def test_a_number_that_it_has_not_is_no_void(cityscapes):
    save(cityscapes / "gtFine" / f"{TRAIN}_gtFine_labelIds.png", np.full((4, 6), 99))
    samples = Samples(open_dataset(cityscapes), [TRAIN], Preprocessing())
    with pytest.raises(DataError, match=rf"{TRAIN}.*\[99\]"):
        samples[0]


def test_fine_masks_are_read_where_both_are_there(coarse):
    assert open_dataset(coarse).splits()["train"] == [TRAIN]


def test_coarse_masks_bring_their_further_images(coarse):
    assert open_dataset(coarse, annotations="gtCoarse").splits() == {"train": [TRAIN, EXTRA], "val": [VAL]}


def test_coarse_masks_are_for_training_alone(coarse):
    dataset = open_dataset(coarse, annotations="gtCoarse")
    assert [dataset.read(name).mask[0].tolist() for name in (TRAIN, VAL)] == [[0] * 6, [0, 1, 2, 3, 4, 5]]


def test_coarse_masks_are_read_where_there_are_no_fine_ones(coarse):
    (coarse / "gtFine").rename(coarse / "elsewhere")
    assert open_dataset(coarse).read(VAL).mask[0].tolist() == [0] * 6


OBJECTS = np.where(IDS < 24, IDS, 1000 * IDS + 3)
OBJECTS[2, 1], OBJECTS[3, 5] = 26, 0


def save_objects(folder: Path, name: str, objects: Any = OBJECTS, annotations: str = "gtFine") -> None:
    Image.fromarray(objects.astype(np.uint16)).save(folder / annotations / f"{name}_{annotations}_instanceIds.png")


@pytest.fixture
def objects(cityscapes: Path) -> Path:
    """The car is a group."""
    for name in (TRAIN, VAL):
        save_objects(cityscapes, name)
    return cityscapes


def test_things_are_told_apart_where_there_are_files_of_them(objects):
    dataset = open_dataset(objects)
    sample = dataset.read(TRAIN)
    assert (dataset.has_instances, [dataset.labels.names[each] for each in dataset.labels.things]) == (
        True,
        ["person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"],
    )
    assert np.array_equal(sample.instances, np.where(OBJECTS >= 24, OBJECTS, 0))
    assert np.array_equal(sample.mask, CLASSES)


def test_a_group_is_learnt_as_a_class_and_not_as_an_object(objects):
    dataset = open_dataset(objects)
    _, classes = Samples(dataset, [TRAIN], Preprocessing())[0]
    _, (without, numbers) = Samples(dataset, [TRAIN], Preprocessing(), instances=True)[0]
    assert (classes[2, 1], without[2, 1], numbers[2, 1]) == (13, IGNORE, 0)
    assert (without[2, 0], numbers[2, 0]) == (12, 25003)


def test_objects_of_classes_by_training_ids_are_read_too(objects):
    file = objects / "gtFine" / f"{TRAIN}_gtFine_labelTrainIds.png"
    save(file, np.where(CLASSES == IGNORE, 255, CLASSES))
    assert open_dataset(objects).read(TRAIN).instances[2, 0] == 25003


def test_without_files_of_them_no_objects_are_told_apart(cityscapes):
    dataset = open_dataset(cityscapes)
    assert (dataset.has_instances, dataset.read(TRAIN).instances) == (False, None)


def test_missing_files_of_objects_are_an_error_unless_objects_are_left_out(objects):
    file = objects / "gtFine" / f"{VAL}_gtFine_instanceIds.png"
    file.unlink()
    with pytest.raises(DataError, match=rf"1 of 2 images have no instanceIds file, such as {file}; .*instances=false"):
        open_dataset(objects)
    dataset = open_dataset(objects, instances=False)
    assert (dataset.has_instances, dataset.read(TRAIN).instances) == (False, None)


def test_numbers_that_no_object_has_are_an_error(objects):
    save_objects(objects, TRAIN, np.full((4, 6), 7001))
    with pytest.raises(DataError, match=rf"{TRAIN}_gtFine_instanceIds\.png has the numbers \[7001\]; expected"):
        open_dataset(objects).read(TRAIN)


def test_coarse_masks_have_coarse_objects(coarse):
    for name in (TRAIN, EXTRA):
        save_objects(coarse, name, np.full((4, 6), 26001), "gtCoarse")
    save_objects(coarse, VAL)
    dataset = open_dataset(coarse, annotations="gtCoarse")
    assert [dataset.read(name).instances[2, 0] for name in (EXTRA, VAL)] == [26001, 25003]


def test_an_annotation_that_is_not_there_is_an_error(cityscapes):
    with pytest.raises(DataError, match="has no folder gtCoarse"):
        open_dataset(cityscapes, annotations="gtCoarse")


def test_an_annotation_of_another_name_is_an_error(cityscapes):
    with pytest.raises(OptionError, match="'gtFine', 'gtCoarse'"):
        open_dataset(cityscapes, annotations="fine")


def test_no_images_are_an_error(tmp_path):
    for folder in ("leftImg8bit", "gtFine"):
        (tmp_path / folder).mkdir()
    with pytest.raises(DataError, match="leftImg8bit has no images"):
        open_dataset(tmp_path)


def test_a_header_tells_the_size(cityscapes):
    assert open_dataset(cityscapes).size(VAL) == (4, 6)


@pytest.mark.parametrize("file", [f"leftImg8bit/{TRAIN}_leftImg8bit.png", f"gtFine/{TRAIN}_gtFine_labelIds.png"])
def test_a_missing_file_is_named(cityscapes, file):
    dataset = open_dataset(cityscapes)
    (cityscapes / file).unlink()
    with pytest.raises(DataError, match=f"there is no file .*{file}"):
        dataset.read(TRAIN)


@pytest.mark.parametrize("file", [f"leftImg8bit/{TRAIN}_leftImg8bit.png", f"gtFine/{TRAIN}_gtFine_labelIds.png"])
def test_a_corrupt_file_is_named(cityscapes, file):
    (cityscapes / file).write_bytes(b"no picture")
    with pytest.raises(DataError, match=f"{file} can't be read"):
        open_dataset(cityscapes).read(TRAIN)


def test_it_goes_to_a_worker_process(cityscapes):
    dataset = open_dataset(cityscapes)
    dataset.read(TRAIN)
    assert np.array_equal(pickled(dataset).read(TRAIN).mask, CLASSES)
    assert not open_files(cityscapes)
