import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_facts import classes_of, open_files, photo, pickled, recognising, save
from pycocotools import mask as masks
from pycocotools.coco import COCO

from segzoo import IGNORE, DataError, MissingExtraError, OptionError
from segzoo.data import open_dataset

SIDE = 12
CATEGORIES = [{"id": 7, "name": "dog", "supercategory": "animal"}, {"id": 3, "name": "cat", "supercategory": "animal"}]
NAME = "train/1.jpg"


def square(left: int, top: int, right: int, bottom: int) -> list[list[float]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def instance(number: int, category: int, segmentation: Any, **other: Any) -> dict[str, Any]:
    return {"id": number, "image_id": 1, "category_id": category, "segmentation": segmentation, "iscrowd": 0, **other}


def content(annotations: list[dict[str, Any]], file: str = "1.jpg", **other: Any) -> dict[str, Any]:
    images = [{"id": 1, "file_name": file, "height": SIDE, "width": SIDE}]
    return {"images": images, "annotations": annotations, "categories": CATEGORIES, **other}


def write(file: Path, written: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(written))


SMALL, LARGE = instance(1, 7, square(4, 4, 6, 6), area=4), instance(2, 3, square(2, 2, 10, 10), area=64)


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """COCO as it is downloaded; the small instance comes before the large one that is behind it."""
    for split in ("train", "val"):
        save(tmp_path / f"{split}2017" / "1.jpg", photo(SIDE, SIDE))
        write(tmp_path / "annotations" / f"instances_{split}2017.json", content([SMALL, LARGE]))
    write(tmp_path / "annotations" / "captions_train2017.json", content([]))
    return tmp_path


@pytest.fixture
def annotate(coco: Path):
    def annotate(annotations: list[dict[str, Any]], **options: Any) -> Any:
        write(coco / "annotations" / "instances_train2017.json", content(annotations))
        return open_dataset(coco, **options)

    return annotate


@pytest.fixture
def panoptic(coco: Path) -> Path:
    """Segments 1 of a dog and 70000 of a crowd of cats, and a row of nothing."""
    numbers = np.ones((SIDE, SIDE), int)
    numbers[6:], numbers[11] = 70000, 0
    picture = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=2)
    segments = [{"id": 1, "category_id": 7, "iscrowd": 0}, {"id": 70000, "category_id": 3, "iscrowd": 1}]
    for split in ("train", "val"):
        folder = coco / "annotations" / f"panoptic_{split}2017"
        save(folder / "1.png", picture)
        write(folder.with_suffix(".json"), content([{"image_id": 1, "file_name": "1.png", "segments_info": segments}]))
    return coco


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """As Roboflow exports it: the first category is a heading."""
    heading = {"id": 0, "name": "animals", "supercategory": "none"}
    listed = [heading, *({**each, "supercategory": "animals"} for each in CATEGORIES)]
    for split in ("train", "valid", "test"):
        save(tmp_path / split / "1_jpg.rf.0a.jpg", photo(SIDE, SIDE))
        written = content([SMALL], "1_jpg.rf.0a.jpg") | {"categories": listed}
        write(tmp_path / split / "_annotations.coco.json", written)
    return tmp_path


# What is where


def test_no_other_form_recognises_it(coco):
    assert recognising(coco) == {"coco"}


def test_no_other_form_recognises_an_export(export):
    assert recognising(export) == {"coco"}


def test_no_other_form_recognises_one_file(coco):
    assert recognising(coco / "annotations" / "instances_train2017.json") == {"coco"}


def test_other_json_is_not_recognised(tmp_path):
    write(tmp_path / "package.json", {"name": "a package"})
    assert recognising(tmp_path) == set()


def test_the_years_of_coco_are_splits(coco):
    assert open_dataset(coco).splits() == {"train": ["train/1.jpg"], "val": ["val/1.jpg"]}


def test_the_folders_of_an_export_are_splits(export):
    name = "1_jpg.rf.0a.jpg"
    assert open_dataset(export).splits() == {split: [f"{split}/{name}"] for split in ("train", "val", "test")}


def test_one_file_is_not_split(coco):
    assert open_dataset(coco / "annotations" / "instances_train2017.json").splits() == {"all": ["all/1.jpg"]}


def test_files_whose_names_tell_no_split_are_not_split(coco):
    folder = coco / "annotations"
    (folder / "instances_val2017.json").unlink()
    (folder / "instances_train2017.json").rename(folder / "instances_default.json")
    (coco / "train2017").rename(coco / "images")
    assert open_dataset(coco).splits() == {"all": ["all/1.jpg"]}


def test_the_folders_that_a_list_has_before_its_names_may_be_missing(coco):
    write(coco / "annotations" / "instances_train2017.json", content([LARGE], "C:\\upload\\1.jpg"))
    assert 1 in open_dataset(coco).read("train/C:/upload/1.jpg").mask


def test_images_may_lie_elsewhere(coco):
    for split in ("train", "val"):
        (coco / f"{split}2017" / "1.jpg").rename(coco / f"{split}.jpg")
        write(coco / "annotations" / f"instances_{split}2017.json", content([LARGE], f"{split}.jpg"))
    (coco / "pictures").mkdir()
    for file in coco.glob("*.jpg"):
        file.rename(coco / "pictures" / file.name)
    with pytest.raises(DataError, match="give their folder as the option images"):
        open_dataset(coco)
    assert 1 in open_dataset(coco, images="pictures").read("train/train.jpg").mask


# Classes


def test_classes_are_the_categories_after_the_background(coco):
    assert open_dataset(coco).labels.names == ("background", "cat", "dog")


def test_the_background_may_belong_to_no_class(coco):
    dataset = open_dataset(coco, background=False)
    assert (dataset.labels.names, dataset.read(NAME).mask[0, 0]) == (("cat", "dog"), IGNORE)


def test_a_category_called_background_is_it(coco):
    categories = [*CATEGORIES, {"id": 9, "name": "Background"}]
    for split in ("train", "val"):
        write(coco / "annotations" / f"instances_{split}2017.json", content([LARGE]) | {"categories": categories})
    dataset = open_dataset(coco)
    assert (dataset.labels.names, dataset.read(NAME).mask[0, 0]) == (("cat", "dog", "Background"), 2)


def test_the_heading_of_an_export_is_no_class(export):
    dataset = open_dataset(export)
    assert dataset.labels.names == ("background", "cat", "dog")
    assert classes_of(dataset.read("val/1_jpg.rf.0a.jpg").mask) == {0, 2}


def test_colours_of_categories_are_the_palette(panoptic):
    categories = [{**each, "color": [each["id"], 0, 0]} for each in CATEGORIES]
    for file in panoptic.glob("annotations/panoptic*.json"):
        write(file, json.loads(file.read_text()) | {"categories": categories})
    assert open_dataset(panoptic, kind="panoptic").labels.palette == ((3, 0, 0), (7, 0, 0))


def test_splits_with_other_categories_are_an_error(coco):
    write(coco / "annotations" / "instances_val2017.json", content([LARGE]) | {"categories": CATEGORIES[1:]})
    with pytest.raises(DataError, match="have other categories"):
        open_dataset(coco)


# Instances


def test_small_instances_are_painted_over_large_ones(coco):
    expected = np.zeros((SIDE, SIDE), int)
    expected[2:10, 2:10], expected[4:6, 4:6] = 1, 2
    assert np.array_equal(open_dataset(coco).read(NAME).mask, expected)


def test_the_areas_are_those_of_the_pixels(annotate):
    wrong = [{**SMALL, "area": 1000}, {key: value for key, value in LARGE.items() if key != "area"}]
    assert annotate(wrong).read(NAME).mask[5, 5] == 2


def test_polygons_are_those_of_pycocotools(annotate, coco):
    polygon = [[1.3, 0.4, 10.7, 3.2, 8.1, 11.6, 2.2, 7.9], [0.2, 9.1, 3.4, 9.9, 1.1, 11.8]]
    dataset = annotate([instance(1, 7, polygon)])
    peer = COCO(coco / "annotations" / "instances_train2017.json")
    assert np.array_equal(dataset.read(NAME).mask == 2, peer.annToMask(peer.anns[1]).astype(bool))


@pytest.mark.parametrize("compressed", [True, False])
def test_run_lengths_are_read(annotate, compressed):
    inside = np.zeros((SIDE, SIDE), np.uint8, order="F")
    inside[3:7, 1:5] = 1
    runs = masks.encode(inside)
    runs["counts"] = runs["counts"].decode() if compressed else [15, 4, 8, 4, 8, 4, 8, 4, 89]
    assert np.array_equal(annotate([instance(1, 7, runs)]).read(NAME).mask == 2, inside == 1)


def test_a_crowd_belongs_to_no_class_where_nothing_is_before_it(annotate):
    crowd = instance(3, 3, {"size": [SIDE, SIDE], "counts": [0, SIDE * 5, SIDE * 7]}, iscrowd=1)
    mask = annotate([SMALL, crowd]).read(NAME).mask
    assert (mask[0, 0], mask[5, 4], mask[0, 11]) == (IGNORE, 2, 0)


def test_a_small_crowd_hides_no_large_instance(annotate):
    crowd = instance(3, 7, {"size": [SIDE, SIDE], "counts": [0, SIDE * 5, SIDE * 7]}, iscrowd=1)
    assert annotate([LARGE, crowd]).read(NAME).mask[3, 3] == 1


def test_a_box_without_an_outline_belongs_to_no_class(annotate):
    mask = annotate([SMALL, instance(2, 3, [], bbox=[8, 0, 100, 2])]).read(NAME).mask
    assert (mask[:2, 8:] == IGNORE).all()
    assert (mask == IGNORE).sum() == 8


def test_polygons_that_enclose_nothing_are_left_out(annotate):
    assert classes_of(annotate([SMALL, instance(2, 3, [[1, 1, 9, 9]])]).read(NAME).mask) == {0, 2}


def test_an_image_without_instances_is_background(annotate):
    assert classes_of(annotate([]).read(NAME).mask) == {0}


def test_segments_can_be_had_one_by_one(coco):
    segments = list(open_dataset(coco).segments(NAME))
    assert [(each.number, each.label, int(each.inside.sum())) for each in segments] == [(2, 1, 64), (1, 2, 4)]


def test_stuff_is_read_where_asked_for(coco):
    for split in ("train", "val"):
        write(coco / "annotations" / f"stuff_{split}2017.json", content([SMALL]))
    assert classes_of(open_dataset(coco, kind="stuff").read(NAME).mask) == {0, 2}


# Panoptic


def test_instances_come_before_panoptic_segments(panoptic):
    assert open_dataset(panoptic).labels.names[0] == "background"


def test_segments_of_a_panoptic_picture_are_their_categories(panoptic):
    dataset = open_dataset(panoptic, kind="panoptic")
    assert dataset.labels.names == ("cat", "dog")
    expected = np.full((SIDE, SIDE), IGNORE)
    expected[:6] = 1
    assert np.array_equal(dataset.read(NAME).mask, expected)


def test_panoptic_segments_can_be_had_one_by_one(panoptic):
    segments = list(open_dataset(panoptic, kind="panoptic").segments(NAME))
    assert [(each.number, each.label, int(each.inside.sum())) for each in segments] == [(1, 1, 72), (70000, IGNORE, 60)]


def test_a_panoptic_picture_of_another_release_is_an_error(panoptic):
    save(panoptic / "annotations" / "panoptic_train2017" / "1.png", np.full((SIDE, SIDE, 3), 5))
    with pytest.raises(DataError, match="has a segment 328965 that"):
        open_dataset(panoptic, kind="panoptic").read(NAME)


def test_a_grey_panoptic_picture_is_an_error(panoptic):
    save(panoptic / "annotations" / "panoptic_train2017" / "1.png", np.ones((SIDE, SIDE)))
    with pytest.raises(DataError, match="expected 12x12 pixels whose colours"):
        open_dataset(panoptic, kind="panoptic").read(NAME)


def test_a_missing_panoptic_picture_is_named(panoptic):
    (panoptic / "annotations" / "panoptic_train2017" / "1.png").unlink()
    with pytest.raises(DataError, match=r"there is no file .*panoptic_train2017/1\.png"):
        open_dataset(panoptic, kind="panoptic").read(NAME)


def test_a_kind_that_is_not_there_is_an_error(coco):
    with pytest.raises(DataError, match="there is no file of panoptic beside"):
        open_dataset(coco, kind="panoptic")


def test_an_unknown_kind_is_an_error(coco):
    with pytest.raises(OptionError, match="'instances', 'panoptic', 'stuff'"):
        open_dataset(coco, kind="captions")


# Objects


def objects_of(sample: Any) -> list[tuple[int, int]]:
    """The class of each object, `IGNORE` for crowds, and its pixels, in the order of their numbers."""
    numbers = np.unique(sample.instances[sample.instances > 0])
    found = [sample.mask[sample.instances == number] for number in numbers]
    assert all(len(set(each.tolist())) == 1 for each in found)
    return [(int(each[0]), each.size) for each in found]


def test_instances_are_told_apart(annotate):
    dataset = annotate([SMALL, LARGE, instance(3, 7, square(7, 7, 9, 9))])
    sample = dataset.read(NAME)
    assert (dataset.has_instances, dataset.labels.things) == (True, (1, 2))
    assert objects_of(sample) == [(1, 56), (2, 4), (2, 4)]
    assert sample.crowds == ()


def test_objects_are_told_apart_whatever_their_annotations_are_numbered(annotate):
    apart = instance(0, 7, square(7, 7, 9, 9))
    assert objects_of(annotate([SMALL | {"id": 0}, LARGE, apart]).read(NAME)) == [(1, 56), (2, 4), (2, 4)]


def test_what_is_hidden_of_an_object_is_not_there(annotate):
    assert objects_of(annotate([SMALL, SMALL | {"id": 2, "category_id": 3}]).read(NAME)) == [(1, 4)]


def test_crowds_and_boxes_are_known_by_their_numbers(annotate):
    crowd = instance(3, 7, {"size": [SIDE, SIDE], "counts": [0, SIDE, SIDE * 11]}, iscrowd=1)
    sample = annotate([SMALL, crowd, instance(4, 3, [], bbox=[8, 0, 2, 2])]).read(NAME)
    assert objects_of(sample) == [(IGNORE, 12), (IGNORE, 4), (2, 4)]
    assert set(np.unique(sample.instances[sample.mask == IGNORE])) == set(sample.crowds)


def test_the_background_is_stuff(coco):
    categories = [*CATEGORIES, {"id": 9, "name": "background"}]
    for split in ("train", "val"):
        write(coco / "annotations" / f"instances_{split}2017.json", content([LARGE]) | {"categories": categories})
    assert open_dataset(coco).labels.things == (0, 1)


def test_stuff_has_no_objects(coco):
    for split in ("train", "val"):
        write(coco / "annotations" / f"stuff_{split}2017.json", content([SMALL]))
    dataset = open_dataset(coco, kind="stuff")
    assert (dataset.has_instances, dataset.labels.things, dataset.read(NAME).instances) == (False, (), None)


@pytest.fixture
def scenery(panoptic: Path) -> Any:
    """Two dogs in two segments of grass, which is no thing."""
    numbers = np.repeat([1, 2, 3, 700], 3)[:, None].repeat(SIDE, 1)
    segments = [
        {"id": number, "category_id": kind, "iscrowd": 0} for number, kind in ((1, 7), (2, 7), (3, 3), (700, 3))
    ]
    categories = [{"id": 7, "name": "dog", "isthing": 1}, {"id": 3, "name": "grass", "isthing": 0}]
    for split in ("train", "val"):
        folder = panoptic / "annotations" / f"panoptic_{split}2017"
        save(folder / "1.png", np.stack([numbers % 256, numbers // 256, numbers * 0], axis=2))
        written = content([{"image_id": 1, "file_name": "1.png", "segments_info": segments}])
        write(folder.with_suffix(".json"), written | {"categories": categories})
    return open_dataset(panoptic, kind="panoptic")


def test_segments_of_things_are_objects_and_those_of_stuff_are_none(scenery):
    sample = scenery.read(NAME)
    assert (scenery.labels.names, scenery.labels.things) == (("grass", "dog"), (1,))
    assert objects_of(sample) == [(1, 36), (1, 36)]
    assert (sample.mask[6:] == 0).all()
    assert not sample.instances[6:].any()


def test_a_crowd_of_a_panoptic_picture_is_known_by_its_number(panoptic):
    sample = open_dataset(panoptic, kind="panoptic").read(NAME)
    assert objects_of(sample) == [(1, 72), (IGNORE, 60)]
    assert sample.crowds == (sample.instances[7, 0],)


def test_a_panoptic_form_is_found_out_by_itself(panoptic):
    for file in panoptic.glob("annotations/instances*.json"):
        file.unlink()
    assert open_dataset(panoptic).panoptic


def test_a_segment_that_is_listed_twice_is_an_error(panoptic):
    file = panoptic / "annotations" / "panoptic_train2017.json"
    written = json.loads(file.read_text())
    written["annotations"][0]["segments_info"] *= 2
    write(file, written)
    with pytest.raises(DataError, match=r"panoptic_train2017\.json lists a segment of 1\.png twice"):
        open_dataset(panoptic, kind="panoptic").read(NAME)


# Bad input


@pytest.mark.parametrize(
    ("segmentation", "why"),
    [
        ({"size": [SIDE, SIDE], "counts": [3]}, "its runs have 3 pixels, and the image 144"),
        ({"size": [4, 4], "counts": [16]}, r"it is of \[4, 4\] pixels, and the image of \[12, 12\]"),
        ({"size": [SIDE, SIDE], "counts": "no runs"}, "can't be read"),
        ({"size": [SIDE, SIDE]}, "counts"),
    ],
)
def test_broken_run_lengths_name_the_annotation(annotate, segmentation, why):
    with pytest.raises(DataError, match=f"the outline of annotation 5 .*{why}"):
        annotate([instance(5, 7, segmentation)]).read(NAME)


IMAGE = content([])["images"][0]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"images": [], "annotations": []}, "KeyError: 'categories'"),
        (content([instance(1, 99, square(0, 0, 2, 2))]), r"have the categories \[99\], which it doesn't list"),
        (content([SMALL | {"image_id": 8}]), "annotates an image 8 and lists none of that number"),
        (content([SMALL | {"segmentation": []}]), "has boxes and no outlines"),
        (content([SMALL | {"segmentation": [["no"] * 6]}]), "can't be read as COCO's annotations: TypeError"),
        (
            content([SMALL]) | {"images": [IMAGE | {"id": number} for number in (1, 2)]},
            "lists some images several times",
        ),
        (content([]) | {"images": []}, "lists no images"),
    ],
)
def test_a_broken_list_is_named(coco, written, why):
    file = coco / "annotations" / "instances_train2017.json"
    write(file, written)
    with pytest.raises(DataError, match=rf"instances_train2017\.json.*{why}"):
        open_dataset(coco)


def test_a_list_that_breaks_off_is_named(coco):
    (coco / "annotations" / "instances_train2017.json").write_text('[{"images')
    with pytest.raises(
        DataError, match=r"instances_train2017\.json can't be read as COCO's annotations: JSONDecodeError"
    ):
        open_dataset(coco)


def test_two_lists_for_one_split_are_for_the_user_to_choose(coco):
    write(coco / "annotations" / "instances_train2014.json", content([SMALL]))
    with pytest.raises(DataError, match=r"instances_train2014.json, instances_train2017.json are for one split"):
        open_dataset(coco)


def test_a_folder_without_lists_is_an_error(tmp_path):
    with pytest.raises(DataError, match="has no JSON file"):
        open_dataset(tmp_path, "coco")


def test_a_missing_image_is_named(coco):
    dataset = open_dataset(coco)
    (coco / "train2017" / "1.jpg").unlink()
    with pytest.raises(DataError, match=r"there is no file .*train2017/1\.jpg"):
        dataset.read(NAME)


def test_a_corrupt_image_is_named(coco):
    (coco / "train2017" / "1.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"train2017/1\.jpg can't be read"):
        open_dataset(coco).read(NAME)


def test_without_pycocotools_the_extra_is_named(coco, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(MissingExtraError, match=r'pip install "segzoo-torch\[coco\]"'):
        open_dataset(coco)


def test_panoptic_pictures_need_no_pycocotools(panoptic, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    assert 1 in open_dataset(panoptic, kind="panoptic").read(NAME).mask


# Images


def test_a_grey_photograph_has_three_channels(coco):
    save(coco / "train2017" / "1.jpg", photo(SIDE, SIDE)[..., 0])
    dataset = open_dataset(coco)
    assert (dataset.channels, dataset.read(NAME).image.shape) == (3, (SIDE, SIDE, 3))


def test_a_header_tells_the_size(coco):
    assert open_dataset(coco).size(NAME) == (SIDE, SIDE)


def test_it_goes_to_a_worker_process(coco):
    dataset = open_dataset(coco)
    dataset.read(NAME)
    assert np.array_equal(pickled(dataset).read(NAME).mask, dataset.read(NAME).mask)
    assert not open_files(coco)
