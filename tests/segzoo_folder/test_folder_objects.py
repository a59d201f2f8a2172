"""Maps of objects in `instances/`, beside the masks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_facts import photo, pickled, save
from PIL import Image

from segzoo import DataError, OptionError
from segzoo.data import Samples, check, open_dataset
from segzoo.data.opening import find
from segzoo.preprocessing import Preprocessing

MASK = np.array([[0, 0, 1, 1, 2, 2]] * 4)
OBJECTS = np.array([[0, 0, 1, 2, 1, 1]] * 4)


def write(root: Path, stem: str = "a", objects: Any = OBJECTS, *, images: str = "images", masks: str = "masks") -> None:
    save(root / images / f"{stem}.png", photo())
    save(root / masks / f"{stem}.png", MASK)
    if objects is not None:
        save(root / masks.replace("masks", "instances") / f"{stem}.png", objects)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, unsplit."""
    for stem in ("a", "b"):
        write(tmp_path, stem)
    return tmp_path


@pytest.mark.parametrize(
    "places",
    [
        {"images": "images", "masks": "masks"},
        {"images": "train/images", "masks": "train/masks"},
        {"images": "images/val", "masks": "masks/val"},
    ],
)
def test_objects_lie_beside_masks(tmp_path: Path, places: dict[str, str]) -> None:
    write(tmp_path, **places)
    dataset = open_dataset(tmp_path)
    ((name,),) = dataset.splits().values()
    sample = dataset.read(name)
    assert sample.instances is not None
    assert (dataset.has_instances, sample.instances.dtype) == (True, np.int64)
    assert np.array_equal(sample.instances, OBJECTS)


def test_objects_lie_where_they_are_said_to(tmp_path: Path) -> None:
    write(tmp_path, images="train/photos", masks="train/drawn")
    save(tmp_path / "train" / "numbered" / "a.png", OBJECTS)
    places = {"images": "{split}/photos", "masks": "{split}/drawn"}
    dataset = open_dataset(tmp_path, "folder", **places, instances="{split}/numbered")
    assert np.array_equal(dataset.read("train/photos/a.png").instances, OBJECTS)
    assert not open_dataset(tmp_path, "folder", **places).has_instances


def test_it_is_said_where_objects_lie(folder: Path) -> None:
    assert find(folder).why == "images in images/ and masks in masks/, objects in instances/"


def test_without_them_no_objects_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, objects=None)
    dataset = open_dataset(tmp_path)
    assert (dataset.has_instances, dataset.labels.things) == (False, None)
    assert dataset.read("images/a.png").instances is None


def test_a_folder_without_pictures_holds_no_objects(tmp_path: Path) -> None:
    write(tmp_path, objects=None)
    (tmp_path / "instances").mkdir()
    (tmp_path / "instances" / "notes.json").write_text("{}")
    assert not open_dataset(tmp_path).has_instances


def test_more_objects_than_8_bits_are_read(folder: Path) -> None:
    Image.fromarray((OBJECTS * 30000).astype(np.uint16)).save(folder / "instances" / "a.png")
    assert open_dataset(folder).read("images/a.png").instances.max() == 60000


def test_classes_that_have_objects_are_things(folder: Path) -> None:
    assert open_dataset(folder).labels.things == (1, 2)


def test_things_are_listed_in_a_file(folder: Path) -> None:
    (folder / "classes.txt").write_text("ground\ncar\nroad\ntram\n")
    (folder / "things.txt").write_text("tram\ncar\n\n")
    dataset = open_dataset(folder)
    assert dataset.labels.things == (1, 3)
    _, (classes, objects) = Samples(dataset, ["images/a.png"], Preprocessing(), instances=True)[0]
    assert (classes[0].tolist(), objects[0].tolist()) == (MASK[0].tolist(), [0, 0, 1, 2, 0, 0])


def test_things_can_be_given(folder: Path) -> None:
    assert open_dataset(folder, classes=["ground", "car", "road"], things=["car"]).labels.things == (1,)


def test_objects_of_masks_in_colours_are_told_apart(folder: Path) -> None:
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)])
    for stem in ("a", "b"):
        save(folder / "masks" / f"{stem}.png", colours[MASK])
    (folder / "classes.txt").write_text("ground 0 0 0\nroad 255 0 0\nhouse 0 0 255\n")
    dataset = open_dataset(folder)
    assert dataset.labels.things == (1, 2)
    assert np.array_equal(dataset.read("images/b.png").mask, MASK)


def test_what_is_known_of_objects_goes_to_a_worker_process(folder: Path) -> None:
    dataset = open_dataset(folder)
    assert pickled(dataset).labels == dataset.labels
    assert np.array_equal(pickled(dataset).read("images/a.png").instances, OBJECTS)


# Bad input


def test_images_without_a_map_are_named(folder: Path) -> None:
    (folder / "instances" / "b.png").unlink()
    with pytest.raises(DataError, match=r"1 of 2 images have no map of objects in .*instances or the like \(images/b"):
        open_dataset(folder)


def test_a_split_without_maps_is_named(tmp_path: Path) -> None:
    write(tmp_path, images="train/images", masks="train/masks")
    write(tmp_path, objects=None, images="val/images", masks="val/masks")
    with pytest.raises(DataError, match=r"1 of 2 images have no map .*\(val/images/a\.png\); add maps that are called"):
        open_dataset(tmp_path)


def test_maps_that_are_called_otherwise_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, objects=None)
    save(tmp_path / "instances" / "other.png", OBJECTS)
    with pytest.raises(DataError, match="1 of 1 images have no map of objects"):
        open_dataset(tmp_path)


def test_a_format_that_changes_values_is_refused(folder: Path) -> None:
    (folder / "instances" / "a.png").unlink()
    save(folder / "instances" / "a.jpg", OBJECTS)
    with pytest.raises(DataError, match=r"1 maps of objects are in a format that changes values \(a\.jpg\)"):
        open_dataset(folder)


def test_a_map_of_colours_is_an_error(folder: Path) -> None:
    save(folder / "instances" / "a.png", photo())
    with pytest.raises(DataError, match=r"instances/a\.png: expected the number of an object in each pixel, got colou"):
        open_dataset(folder).read("images/a.png")


def test_a_corrupt_map_is_listed_and_the_others_are_counted(folder: Path) -> None:
    (folder / "instances" / "a.png").write_bytes(b"no picture")
    dataset = open_dataset(folder)
    report = check(dataset, dataset.splits(), quiet=True)
    assert list(report.errors) == ["images/a.png"]
    assert report.splits["all"].objects == (0, 2, 1)


def test_a_map_of_another_size_is_listed(folder: Path) -> None:
    save(folder / "instances" / "a.png", OBJECTS[:2])
    dataset = open_dataset(folder)
    errors = check(dataset, dataset.splits(), quiet=True).errors
    assert "images/a.png: its mask has 4x6 pixels and its map of objects 2x6" in errors["images/a.png"]


def test_things_that_are_no_classes_are_named(folder: Path) -> None:
    (folder / "things.txt").write_text("boat\n")
    with pytest.raises(DataError, match=r"have names that no class has \(boat\); the classes are 0, 1, 2"):
        _ = open_dataset(folder).labels


def test_a_list_of_things_that_is_no_text_is_named(folder: Path) -> None:
    (folder / "things.txt").write_bytes(b"\xff\xff\x81")
    with pytest.raises(DataError, match=r"things\.txt can't be read: .*expected the name of a class on each line"):
        _ = open_dataset(folder).labels


def test_objects_that_lie_nowhere_are_an_error(folder: Path) -> None:
    with pytest.raises(DataError, match="there is no folder numbers beside images"):
        open_dataset(folder, "folder", images="images", masks="masks", instances="numbers")
    with pytest.raises(OptionError, match="images and masks, and instances, are given together"):
        open_dataset(folder, instances="numbers")
