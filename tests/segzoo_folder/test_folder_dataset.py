"""Images and masks in folders, in the layouts that people have."""

import pickle

import numpy as np
import pytest
from PIL import Image

from segzoo import IGNORE
from segzoo.data import open_dataset
from segzoo.data.opening import find
from segzoo.errors import DataError, DataWarning, OptionError

MASK = np.array([[0, 1], [2, 255]], np.uint8)
COLOURS = ((0, 0, 0), (255, 0, 0), (0, 0, 255))


def save_pair(images, masks, stem, mask=MASK, *, suffix="", image_ending=".png", size=(2, 2)):
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 7, np.uint8)).save(images / f"{stem}{image_ending}")
    (mask if isinstance(mask, Image.Image) else Image.fromarray(mask)).save(masks / f"{stem}{suffix}.png")


@pytest.fixture
def folder(tmp_path):
    """Two pairs, unsplit."""
    for stem in ("a", "b"):
        save_pair(tmp_path / "images", tmp_path / "masks", stem)
    return tmp_path


@pytest.mark.parametrize(
    ("images", "masks", "splits"),
    [
        ("images", "masks", {"all"}),
        ("img", "labels", {"all"}),
        ("JPEGImages", "SegmentationClass", {"all"}),
        ("train/images", "train/masks", {"train"}),
        ("Validation/image", "Validation/gt", {"val"}),
        ("images/train", "masks/train", {"train"}),
        ("images/test", "annotations/test", {"test"}),
    ],
)
def test_a_layout_is_recognised(tmp_path, images, masks, splits):
    save_pair(tmp_path / images, tmp_path / masks, "a")
    opened = find(tmp_path)
    assert (opened.form, set(opened.dataset.splits())) == ("folder", splits)


def test_what_it_was_recognised_by_is_said(folder):
    assert find(folder).why == "images in images/ and masks in masks/"


@pytest.mark.parametrize("suffix", ["_mask", "_gt", "_label", "-mask"])
def test_one_folder_holds_both_where_masks_are_marked(tmp_path, suffix):
    save_pair(tmp_path, tmp_path, "a", suffix=suffix, image_ending=".jpg")
    dataset = open_dataset(tmp_path)
    assert list(dataset.splits()["all"]) == ["a.jpg"]


def test_masks_in_a_folder_of_their_own_may_be_marked(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", suffix="_mask")
    assert len(open_dataset(tmp_path).splits()["all"]) == 1


def test_a_sample_is_read(folder):
    sample = open_dataset(folder).read("images/a.png")
    assert (sample.image.shape, sample.image.dtype, sample.mask.tolist()) == (
        (2, 2, 3),
        np.uint8,
        [[0, 1], [2, IGNORE]],
    )


def test_the_values_of_the_masks_are_the_classes_where_none_are_listed(folder):
    assert open_dataset(folder).labels.names == ("0", "1", "2")


def test_classes_are_listed_in_a_file(folder):
    (folder / "classes.txt").write_text("ground\nroad\n# a comment\nhouse\n")
    assert open_dataset(folder).labels.names == ("ground", "road", "house")


@pytest.mark.parametrize("text", ['["a", "b", "c"]', '{"0": "a", "1": "b", "2": "c"}'])
def test_classes_are_listed_as_json(folder, text):
    (folder / "classes.json").write_text(text)
    assert open_dataset(folder).labels.names == ("a", "b", "c")


def test_classes_can_be_given(folder):
    assert open_dataset(folder, classes=["a", "b", "c"]).labels.names == ("a", "b", "c")


@pytest.mark.parametrize("text", ["", '{"1": "a", "2": "b"}', "[1, 2]"])
def test_a_list_that_is_none_is_an_error(folder, text):
    (folder / "classes.json").write_text(text)
    with pytest.raises(DataError, match=r"classes\.json"):
        _ = open_dataset(folder).labels


def test_colours_of_a_palette_are_kept(tmp_path):
    mask = Image.fromarray(np.array([[0, 1], [1, 2]], np.uint8), mode="P")
    mask.putpalette([value for colour in COLOURS for value in colour])
    save_pair(tmp_path / "images", tmp_path / "masks", "a", mask)
    dataset = open_dataset(tmp_path)
    assert dataset.labels.palette == COLOURS
    assert dataset.read("images/a.png").mask.tolist() == [[0, 1], [1, 2]]


def test_masks_coded_in_colours_are_read_by_a_table(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array(COLOURS, np.uint8)[[[0, 1], [2, 1]]])
    (tmp_path / "classes.txt").write_text("ground 0 0 0\nroad 255 0 0\nhouse, 0, 0, 255\n")
    dataset = open_dataset(tmp_path)
    assert (dataset.labels.names, dataset.labels.palette) == (("ground", "road", "house"), COLOURS)
    assert dataset.read("images/a.png").mask.tolist() == [[0, 1], [2, 1]]


def test_a_colour_that_no_class_has_is_an_error(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array(COLOURS, np.uint8)[[[0, 1], [2, 1]]])
    (tmp_path / "classes.txt").write_text("ground 0 0 0\nroad 255 0 0\n")
    with pytest.raises(DataError, match=r"a\.png: 1 colours that no class has \(\(0, 0, 255\)\)"):
        open_dataset(tmp_path).read("images/a.png")


def test_colours_without_a_table_are_an_error_that_lists_them(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array(COLOURS, np.uint8)[[[0, 1], [2, 1]]])
    with pytest.raises(DataError, match=r"list the classes in .*classes\.txt.*255 0 0"):
        _ = open_dataset(tmp_path).labels


def test_grey_saved_as_colour_is_grey(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.repeat(MASK[..., None], 3, axis=2))
    assert open_dataset(tmp_path).read("images/a.png").mask.tolist() == [[0, 1], [2, IGNORE]]


def test_black_and_white_are_two_classes(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array([[0, 255], [255, 0]], np.uint8))
    dataset = open_dataset(tmp_path)
    assert (dataset.classes, dataset.read("images/a.png").mask.tolist()) == (2, [[0, 1], [1, 0]])


def test_other_values_can_be_ignored(folder):
    assert open_dataset(folder, ignore=[0, 255]).read("images/a.png").mask.tolist() == [[IGNORE, 1], [2, IGNORE]]


def test_zero_can_be_no_class(folder):
    dataset = open_dataset(folder, reduce_zero=True)
    assert (dataset.classes, dataset.read("images/a.png").mask.tolist()) == (2, [[IGNORE, 0], [1, IGNORE]])


def test_images_of_sixteen_bits_and_many_channels_are_read(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a")
    (tmp_path / "images" / "a.png").unlink()
    np.save(tmp_path / "images" / "a.npy", np.full((2, 2, 12), 40000, np.uint16))
    dataset = open_dataset(tmp_path)
    sample = dataset.read("images/a.npy")
    assert (dataset.channels, sample.image.dtype, int(sample.image.max())) == (12, np.uint16, 40000)


def test_a_grey_image_of_sixteen_bits_keeps_its_values(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a")
    Image.fromarray(np.array([[0, 1], [2, 65535]], np.uint16)).save(tmp_path / "images" / "a.png")
    assert open_dataset(tmp_path).read("images/a.png").image[..., 0].tolist() == [[0, 1], [2, 65535]]


def test_an_image_without_mask_is_an_error(folder):
    (folder / "masks" / "b.png").unlink()
    with pytest.raises(DataError, match=r"1 images without a mask in .*masks \(b\.png\)"):
        open_dataset(folder)


def test_a_mask_without_image_is_an_error(folder):
    (folder / "images" / "b.png").unlink()
    with pytest.raises(DataError, match=r"1 masks without an image in .*images \(b\.png\)"):
        open_dataset(folder)


def test_masks_saved_as_jpeg_are_an_error(folder):
    for stem in ("a", "b"):
        Image.open(folder / "masks" / f"{stem}.png").save(folder / "masks" / f"{stem}.jpg")
        (folder / "masks" / f"{stem}.png").unlink()
    with pytest.raises(DataError, match=r"2 masks are JPG files .*export the masks anew, as PNG"):
        open_dataset(folder)


def test_masks_of_too_many_values_are_an_error(tmp_path):
    values = np.arange(2 * 200, dtype=np.uint16).reshape(2, 200)
    save_pair(tmp_path / "images", tmp_path / "masks", "a", values, size=(2, 200))
    with pytest.raises(DataError, match="more than 256 values"):
        _ = open_dataset(tmp_path).labels


def test_a_corrupt_image_is_an_error_that_names_it(folder):
    (folder / "images" / "b.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"b\.png can't be read"):
        open_dataset(folder).read("images/b.png")


def test_a_truncated_image_is_an_error_that_names_it(folder):
    whole = folder / "images" / "b.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    whole.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"b\.png can't be read"):
        open_dataset(folder).read("images/b.png")


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="has no images and masks"):
        open_dataset(tmp_path, "folder")


def test_it_can_be_sent_to_another_process(folder):
    dataset = pickle.loads(pickle.dumps(open_dataset(folder)))
    assert dataset.read("images/a.png").mask.shape == (2, 2)


def test_a_size_is_told_by_the_header(folder):
    assert open_dataset(folder).size("images/a.png") == (2, 2)


def test_black_and_white_without_names_is_said(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array([[0, 255]], np.uint8), size=(1, 2))
    with pytest.warns(DataWarning, match="0 is read as class 0, 255 as class 1"):
        assert open_dataset(tmp_path).labels.names == ("0", "1")


@pytest.mark.filterwarnings("error::segzoo.errors.DataWarning")
def test_black_and_white_with_names_is_as_it_should_be(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array([[0, 255]], np.uint8), size=(1, 2))
    dataset = open_dataset(tmp_path, classes=["ground", "road"])
    assert (dataset.labels.names, dataset.read("images/a.png").mask.tolist()) == (("ground", "road"), [[0, 1]])


def test_shades_without_a_list_are_an_error(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array([[0, 100, 200]], np.uint8), size=(1, 3))
    with pytest.raises(DataError, match="values 0, 100, 200: shades rather than numbers of classes"):
        _ = open_dataset(tmp_path).labels


def test_shades_are_read_by_a_table_of_greys(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array([[0, 100, 200, 255]], np.uint8), size=(1, 4))
    (tmp_path / "classes.txt").write_text("ground 0 0 0\nroad 100 100 100\nhouse 200 200 200\n")
    assert open_dataset(tmp_path).read("images/a.png").mask.tolist() == [[0, 1, 2, IGNORE]]


def test_numbers_of_classes_stay_so_where_the_list_draws_them_in_greys(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array([[0, 1, 2]], np.uint8), size=(1, 3))
    (tmp_path / "classes.txt").write_text("ground 0 0 0\nroad 100 100 100\nhouse 200 200 200\n")
    assert open_dataset(tmp_path).read("images/a.png").mask.tolist() == [[0, 1, 2]]


def test_a_class_may_be_unseen_where_none_are_listed(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array([[0, 1, 3]], np.uint8), size=(1, 3))
    assert open_dataset(tmp_path).labels.names == ("0", "1", "2", "3")


def test_masks_without_any_class_are_an_error(tmp_path):
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.array([[255]], np.uint8), size=(1, 1))
    with pytest.raises(DataError, match=r"no mask of .* has a pixel of any class"):
        _ = open_dataset(tmp_path).labels


@pytest.fixture
def coloured(tmp_path):
    """Masks of colours, the first of which is all background, and so grey."""
    save_pair(tmp_path / "images", tmp_path / "masks", "a", np.zeros((2, 2, 3), np.uint8))
    save_pair(tmp_path / "images", tmp_path / "masks", "b", np.array(COLOURS, np.uint8)[[[0, 1], [2, 1]]])
    return tmp_path


def test_colours_are_seen_though_the_first_mask_is_all_background(coloured):
    (coloured / "classes.txt").write_text("ground 0 0 0\nroad 255 0 0\nhouse 0 0 255\n")
    assert open_dataset(coloured).read("images/b.png").mask.tolist() == [[0, 1], [2, 1]]


def test_colours_can_be_given(coloured):
    dataset = open_dataset(coloured, classes=["ground", "road", "house"], colours=[list(each) for each in COLOURS])
    assert dataset.read("images/b.png").mask.tolist() == [[0, 1], [2, 1]]


def test_colours_can_be_given_for_the_names_of_the_list(coloured):
    (coloured / "classes.txt").write_text("ground\nroad\nhouse\n")
    dataset = open_dataset(coloured, colours=[list(each) for each in COLOURS])
    assert (dataset.labels.names, dataset.labels.palette) == (("ground", "road", "house"), COLOURS)


def test_colours_other_than_classes_are_an_error(coloured):
    with pytest.raises(OptionError, match="got 2 colours"):
        open_dataset(coloured, classes=["ground", "road", "house"], colours=[[0, 0, 0], [255, 0, 0]])


def test_one_colour_of_two_classes_is_an_error(coloured):
    (coloured / "classes.txt").write_text("ground 0 0 0\nroad 255 0 0\nhouse 255 0 0\n")
    with pytest.raises(DataError, match=r"two classes have the colour \(255, 0, 0\)"):
        open_dataset(coloured)


def test_values_among_colours_are_an_error(coloured):
    (coloured / "classes.txt").write_text("ground 0 0 0\nroad 255 0 0\nhouse 0 0 255\n")
    save_pair(coloured / "images", coloured / "masks", "c")
    with pytest.raises(DataError, match=r"c\.png: expected a mask of colours"):
        open_dataset(coloured).read("images/c.png")


def test_colours_among_values_are_an_error(folder):
    save_pair(folder / "images", folder / "masks", "c", np.array(COLOURS, np.uint8)[[[0, 1], [2, 1]]])
    with pytest.raises(DataError, match=r"c\.png: expected a mask of values"):
        open_dataset(folder).read("images/c.png")


@pytest.mark.parametrize("line", ["road1 255 0 0", "road1,255,0,0", "road1:255,0,0::", "255 0 0 road1"])
def test_a_name_may_end_with_a_number(folder, line):
    (folder / "classes.txt").write_text(f"{line}\n")
    labels = open_dataset(folder).listed
    assert (labels.names, labels.palette) == (("road1",), ((255, 0, 0),))


def test_a_corrupt_first_mask_hides_no_other(folder):
    (folder / "masks" / "a.png").write_bytes(b"no picture")
    dataset = open_dataset(folder)
    assert dataset.classes == 3
    assert dataset.read("images/b.png").mask.tolist() == [[0, 1], [2, IGNORE]]


def test_masks_that_are_all_corrupt_are_an_error(folder):
    for mask in (folder / "masks").iterdir():
        mask.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"b\.png can't be read"):
        _ = open_dataset(folder).labels


def test_two_images_of_one_name_are_an_error(folder):
    Image.new("RGB", (2, 2)).save(folder / "images" / "b.jpg")
    with pytest.raises(DataError, match=r"b\.jpg and b\.png are called the same"):
        open_dataset(folder)


def test_an_empty_split_is_an_error(tmp_path):
    save_pair(tmp_path / "train/images", tmp_path / "train/masks", "a")
    for kind in ("images", "masks"):
        (tmp_path / "val" / kind).mkdir(parents=True)
    with pytest.raises(DataError, match=r"there is no image in .*val.images"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("images", "masks", "split"),
    [("photos", "drawn/by hand", "all"), ("{split}/photos", "{split}/drawn", "train"), ("p/{split}", "m", "val")],
)
def test_folders_of_other_names_can_be_given(tmp_path, images, masks, split):
    save_pair(tmp_path / images.format(split=split), tmp_path / masks.format(split=split), "a")
    dataset = open_dataset(tmp_path, "folder", images=images, masks=masks)
    assert list(dataset.splits()) == [split]
    assert dataset.read(dataset.splits()[split][0]).mask.shape == (2, 2)


def test_folders_that_are_not_there_are_an_error(folder):
    with pytest.raises(DataError, match="has no images and masks"):
        open_dataset(folder, "folder", images="photos", masks="masks")


def test_a_folder_of_images_needs_one_of_masks(folder):
    with pytest.raises(OptionError, match="given together"):
        open_dataset(folder, "folder", images="photos")
