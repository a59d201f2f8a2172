from pathlib import Path

import numpy as np
import pytest
from dataset_facts import open_files, photo, pickled, recognising, save
from PIL import Image

from segzoo import IGNORE, DataError, OptionError
from segzoo.data import open_dataset

BORDERED = [[0, 0, 15, 15, 255, 20], [0, 0, 15, 15, 255, 20], [0, 0, 15, 15, 255, 20], [0, 0, 15, 15, 255, 20]]


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    root = tmp_path / "VOCdevkit" / "VOC2012"
    for name in ("2007_000032", "2007_000033", "2008_sbd"):
        save(root / "JPEGImages" / f"{name}.jpg", photo())
    for name in ("2007_000032", "2007_000033"):
        save(root / "SegmentationClass" / f"{name}.png", BORDERED)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000032\n")
    (lists / "val.txt").write_text("2007_000033\n")
    (lists / "trainval.txt").write_text("2007_000032\n2007_000033\n")
    return root.parent


@pytest.fixture
def year(devkit: Path) -> Path:
    return devkit / "VOC2012"


@pytest.fixture
def with_sbd(year: Path) -> Path:
    save(year / "SegmentationClassAug" / "2008_sbd.png", np.full((4, 6), 3))
    return year


def test_no_other_form_recognises_it(year):
    assert recognising(year) == {"voc"}


@pytest.mark.parametrize("above", [0, 1, 2])
def test_it_is_found_in_the_folders_above(year, above):
    path = [year, *year.parents][above]
    assert len(open_dataset(path).splits()["train"]) == 1


def test_the_latest_of_several_years_is_read(devkit):
    save(devkit / "VOC2007" / "SegmentationClass" / "1.png", BORDERED)
    assert open_dataset(devkit, "voc").root.name == "VOC2012"


def test_the_lists_are_the_splits(year):
    assert open_dataset(year).splits() == {
        "train": ["2007_000032"],
        "val": ["2007_000033"],
        "trainval": ["2007_000032", "2007_000033"],
    }


def test_the_border_belongs_to_no_class(year):
    expected = np.where(np.array(BORDERED) == 255, IGNORE, BORDERED)
    assert np.array_equal(open_dataset(year).read("2007_000032").mask, expected)


def test_masks_with_the_palette_are_read_by_their_numbers(year):
    file = year / "SegmentationClass" / "2007_000032.png"
    picture = Image.open(file)
    picture.putpalette([value % 256 for value in range(768)])
    picture.save(file)
    assert Image.open(file).mode == "P"
    assert 15 in open_dataset(year).read("2007_000032").mask


def test_the_classes_have_the_colours_of_the_devkit(year):
    labels = open_dataset(year).labels
    assert (labels.names[15], labels.palette[15]) == ("person", (192, 128, 128))
    assert (len(labels.names), labels.palette[20]) == (21, (0, 64, 128))


def test_a_grey_photograph_has_three_channels(year):
    save(year / "JPEGImages" / "2007_000032.jpg", photo()[..., 0])
    assert open_dataset(year).read("2007_000032").image.shape == (4, 6, 3)


def test_a_header_tells_the_size(year):
    assert open_dataset(year).size("2007_000032") == (4, 6)


@pytest.fixture
def export(year: Path) -> Path:
    """As CVAT exports it: colours, and a list of what isn't split."""
    colours = np.array([(0, 0, 0), (9, 0, 0), (224, 224, 192)], np.uint8)
    save(year / "SegmentationClass" / "2007_000032.png", colours[[[0, 1, 2, 0, 1, 2]] * 4])
    for file in (year / "ImageSets" / "Segmentation").iterdir():
        file.unlink()
    (year / "ImageSets" / "Segmentation" / "default.txt").write_text("2007_000032\n")
    (year / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nground:0,0,0::\nroad:9,0,0::\n")
    return year


def test_an_export_names_its_classes(export):
    dataset = open_dataset(export)
    assert dataset.splits() == {"all": ["2007_000032"]}
    assert (dataset.labels.names, dataset.labels.palette) == (("ground", "road"), ((0, 0, 0), (9, 0, 0)))


def test_the_colours_of_an_export_are_its_classes(export):
    assert open_dataset(export).read("2007_000032").mask[0].tolist() == [0, 1, IGNORE, 0, 1, IGNORE]


def test_a_colour_that_no_class_has_is_an_error(export):
    (export / "labelmap.txt").write_text("ground:0,0,0::\n")
    with pytest.raises(DataError, match=r"such as \(9, 0, 0\); list them in labelmap\.txt"):
        open_dataset(export).read("2007_000032")


def test_a_broken_labelmap_is_named(export):
    (export / "labelmap.txt").write_text("ground\n")
    with pytest.raises(DataError, match=r"labelmap\.txt can't be read as a list of classes"):
        open_dataset(export)


@pytest.mark.parametrize("name", ["trainaug.txt", "train_aug.txt"])
def test_sbd_is_listed_together_with_voc(with_sbd, name):
    (with_sbd / "ImageSets" / "Segmentation" / name).write_text("2008_sbd\n2007_000032\n")
    assert open_dataset(with_sbd, augmented=True).splits()["train"] == ["2008_sbd", "2007_000032"]


def test_sbd_is_listed_beside_voc(with_sbd):
    (with_sbd / "ImageSets" / "Segmentation" / "aug.txt").write_text("2008_sbd\n")
    assert open_dataset(with_sbd, augmented=True).splits()["train"] == ["2007_000032", "2008_sbd"]


def test_sbd_has_masks_of_its_own_and_voc_keeps_its(with_sbd):
    (with_sbd / "ImageSets" / "Segmentation" / "aug.txt").write_text("2008_sbd\n")
    dataset = open_dataset(with_sbd, augmented=True)
    assert [int(dataset.read(name).mask[0, 2]) for name in ("2008_sbd", "2007_000032")] == [3, 15]


def test_sbd_without_a_list_is_an_error(with_sbd):
    with pytest.raises(DataError, match=r"none of trainaug\.txt, train_aug\.txt and aug\.txt"):
        open_dataset(with_sbd, augmented=True)


def test_sbd_that_is_not_there_is_an_error(year):
    with pytest.raises(DataError, match="has no folder SegmentationClassAug"):
        open_dataset(year, augmented=True)


def test_a_missing_list_is_an_error(year):
    (year / "ImageSets" / "Segmentation" / "val.txt").unlink()
    with pytest.raises(DataError, match=r"val\.txt can't be read as a list of samples"):
        open_dataset(year)


def test_an_empty_list_is_an_error(year):
    (year / "ImageSets" / "Segmentation" / "val.txt").write_text("\n")
    with pytest.raises(DataError, match=r"val\.txt lists no samples"):
        open_dataset(year)


@pytest.mark.parametrize("file", ["JPEGImages/2007_000032.jpg", "SegmentationClass/2007_000032.png"])
def test_a_missing_file_is_named(year, file):
    (year / file).unlink()
    with pytest.raises(DataError, match=f"there is no file .*{file}"):
        open_dataset(year).read("2007_000032")


@pytest.mark.parametrize("file", ["JPEGImages/2007_000032.jpg", "SegmentationClass/2007_000032.png"])
def test_a_corrupt_file_is_named(year, file):
    (year / file).write_bytes(b"no picture")
    with pytest.raises(DataError, match=f"{file} can't be read"):
        open_dataset(year).read("2007_000032")


def test_another_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="has no folder JPEGImages"):
        open_dataset(tmp_path, "voc")


def test_the_option_is_checked(year):
    with pytest.raises(OptionError, match="augmented as True or False"):
        open_dataset(year, augmented="yes")


def test_it_goes_to_a_worker_process(year):
    dataset = open_dataset(year)
    dataset.read("2007_000032")
    assert np.array_equal(pickled(dataset).read("2007_000032").mask, dataset.read("2007_000032").mask)
    assert not open_files(year)
