import json

import numpy as np
import pytest
import torch
from PIL import Image
from test_instance import FRAME, classes, single

import segzoo
from segzoo.data.reading import read_palette
from segzoo.segmentation import find_instances, find_segments
from segzoo.segmentation.findings import findings
from segzoo.segmentation.writing import Writer

LABELS = segzoo.Labels(("road", "person", "car"), things=(1, 2))
IMAGE = np.full((20, 30, 3), 100, np.uint8)
MASKS, CLASSES = single((0, 0, 10, 20), (10, 2, 18, 9), (20, 3, 29, 12)), classes(0, 1, 1)


def write(folder, task, result, name="7", labels=LABELS, count=3):
    writer = Writer(folder, task, labels, count)
    writer.add(name, f"{name}.jpg", IMAGE, result, findings(result))
    writer.finish()
    assert sorted(folder.glob("*.png")) == sorted(writer.files(name))
    return folder


def pixels(path):
    return np.array(Image.open(path))


def test_a_class_map_is_an_indexed_picture_with_the_classes_colours(tmp_path):
    labels = segzoo.Labels(palette=((1, 2, 3), (4, 5, 6), (7, 8, 9)))
    found = torch.arange(600).reshape(20, 30) % 3
    write(tmp_path, "semantic", found, labels=labels)
    assert (pixels(tmp_path / "7.png") == found.numpy()).all()
    assert read_palette(tmp_path / "7.png")[:3] == labels.palette


def test_more_classes_than_a_palette_has_are_grey_of_16_bits(tmp_path):
    found = torch.arange(600).reshape(20, 30)
    write(tmp_path, "semantic", found, labels=segzoo.Labels(), count=600)
    assert (pixels(tmp_path / "7.png") == found.numpy()).all()


def test_pycocotools_loads_the_objects(tmp_path, capsys):
    from pycocotools.coco import COCO

    write(tmp_path, "instance", find_instances(MASKS, CLASSES, FRAME, things=LABELS.things))
    truth = COCO()
    truth.dataset = {"images": [{"id": 7, "height": 20, "width": 30}], "categories": [{"id": 1}], "annotations": []}
    truth.createIndex()
    loaded = truth.loadRes(str(tmp_path / "instances.json"))
    assert sorted(each["area"] for each in loaded.loadAnns(loaded.getAnnIds())) == [56, 81]
    assert {each["category_id"] for each in loaded.loadAnns(loaded.getAnnIds())} == {1}


def test_panoptic_files_agree(tmp_path):
    write(tmp_path, "panoptic", find_segments(MASKS, CLASSES, FRAME, things=LABELS.things))
    content = json.loads((tmp_path / "panoptic.json").read_text())
    (annotation,) = content["annotations"]
    red, green, blue = np.moveaxis(pixels(tmp_path / annotation["file_name"]).astype(int), 2, 0)
    ids = red + 256 * green + 65536 * blue
    assert {each["id"]: each["area"] for each in annotation["segments_info"]} == {
        number: (ids == number).sum() for number in (1, 2, 3)
    }
    assert content["images"] == [{"id": 7, "file_name": "7.jpg", "height": 20, "width": 30}]
    assert [(each["id"], each["name"], each["isthing"]) for each in content["categories"]] == [
        (0, "road", 0),
        (1, "person", 1),
        (2, "car", 1),
    ]


def test_an_overlay_shows_each_object_in_a_colour_of_its_own(tmp_path):
    write(tmp_path, "panoptic", find_segments(MASKS, CLASSES, FRAME, things=LABELS.things))
    drawn = pixels(tmp_path / "7.overlay.png")
    corners = {tuple(drawn[row, column]) for row, column in ((0, 0), (2, 10), (3, 20))}
    assert len(corners) == 3
    assert (drawn[19, 29] == 100).all()


def test_an_image_without_objects_has_its_files(tmp_path):
    write(tmp_path, "instance", find_instances(MASKS, classes(None, None, None), FRAME))
    assert json.loads((tmp_path / "instances.json").read_text()) == []
    assert (pixels(tmp_path / "7.overlay.png") == IMAGE).all()


def test_a_name_that_is_no_number_is_the_images_id(tmp_path):
    write(tmp_path, "panoptic", find_segments(MASKS, CLASSES, FRAME), name="a b.c")
    assert json.loads((tmp_path / "panoptic.json").read_text())["images"][0]["id"] == "a b.c"


def test_a_folder_that_can_not_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(segzoo.OptionError, match="can't make the folder"):
        Writer(tmp_path / "file", "semantic", LABELS, 3)
