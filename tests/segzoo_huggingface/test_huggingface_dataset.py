import io
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from dataset_facts import open_files, photo, pickled, recognising
from PIL import Image

from segzoo import IGNORE, DataError, MissingExtraError, OptionError
from segzoo.data import open_dataset

datasets = pytest.importorskip("datasets")
MASK = np.array([[0, 1, 2, 3, 255, 0]] * 4, np.uint8)
CLASSES = np.where(MASK == 255, IGNORE, MASK.astype(int))
PICTURES = datasets.Features({"image": datasets.Image(), "label": datasets.Image()})


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def table(image: Any = None, mask: Any = MASK, rows: int = 2, columns: tuple[str, str] = ("image", "label")) -> Any:
    image = photo() if image is None else image
    pictures = [Image.fromarray(np.asarray(each)) for each in (image, mask)]
    features = datasets.Features(dict.fromkeys(columns, datasets.Image()))
    return datasets.Dataset.from_dict(
        {name: [picture] * rows for name, picture in zip(columns, pictures, strict=True)}, features=features
    )


def lists(columns: dict[str, Any], **features: Any) -> Any:
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def of(kind: str, depth: int) -> Any:
    feature: Any = datasets.Value(kind)
    for _ in range(depth):
        feature = datasets.Sequence(feature)
    return feature


@pytest.fixture
def save(tmp_path):
    def save(saved: Any) -> Path:
        saved.save_to_disk(tmp_path / "saved")
        return tmp_path / "saved"

    return save


@pytest.fixture
def parquet(tmp_path):
    folder = tmp_path / "parquet"
    (folder / "data").mkdir(parents=True)
    table().to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    table(rows=1).to_parquet(folder / "data" / "validation-00000-of-00001.parquet")
    return folder


# What is where


def test_no_other_form_recognises_saved_splits(save):
    assert recognising(save(datasets.DatasetDict(train=table()))) == {"huggingface"}


def test_no_other_form_recognises_a_saved_table(save):
    assert recognising(save(table())) == {"huggingface"}


def test_no_other_form_recognises_parquet_files(parquet):
    assert recognising(parquet) == {"huggingface"}


def test_a_name_on_the_hub_is_not_recognised():
    assert recognising(Path("user/name")) == set()


def test_saved_splits_are_read(save):
    path = save(datasets.DatasetDict(train=table(), validation=table(rows=1)))
    assert open_dataset(path).splits() == {"train": ["train[0]", "train[1]"], "val": ["val[0]"]}


def test_a_saved_table_is_not_split(save):
    assert open_dataset(save(table())).splits() == {"all": ["all[0]", "all[1]"]}


def test_parquet_files_are_read(parquet):
    dataset = open_dataset(parquet)
    assert dataset.splits() == {"train": ["train[0]", "train[1]"], "val": ["val[0]"]}
    assert np.array_equal(dataset.read("val[0]").image, photo())


def test_one_parquet_file_is_read(parquet):
    file = parquet / "data" / "validation-00000-of-00001.parquet"
    assert recognising(file) == {"huggingface"}
    assert open_dataset(file).splits() == {"all": ["all[0]"]}


def test_pictures_that_nothing_declares_as_such_are_read(tmp_path):
    files = []
    for array in (photo(), MASK):
        Image.fromarray(array).save(file := io.BytesIO(), "PNG")
        files.append(file.getvalue())
    datasets.Dataset.from_dict({"image": [{"bytes": files[0], "path": None}], "mask": [files[1]]}).to_parquet(
        tmp_path / "raw.parquet"
    )
    assert np.array_equal(open_dataset(tmp_path).read("all[0]").image, photo())


# Masks


def test_pixels_to_ignore_belong_to_no_class(save):
    assert np.array_equal(open_dataset(save(table())).read("all[0]").mask, CLASSES)


def test_other_values_may_be_ignored(save):
    assert open_dataset(save(table()), ignore=[0, 255]).read("all[0]").mask[0].tolist() == [-100, 1, 2, 3, -100, -100]


def test_zero_may_belong_to_no_class(save):
    dataset = open_dataset(save(table()), reduce_zero=True)
    assert (dataset.read("all[0]").mask[0].tolist(), dataset.classes) == ([-100, 0, 1, 2, -100, -100], 3)


def test_a_palette_is_read_by_its_numbers(save):
    picture = Image.fromarray(MASK)
    picture.putpalette([value // 3 for value in range(768)])
    path = save(datasets.Dataset.from_dict({"image": [photo()], "label": [picture]}, features=PICTURES))
    assert open_dataset(path).read("all[0]").mask[0, 2] == 2


def test_grey_that_is_saved_as_colours_is_read(save):
    assert open_dataset(save(table(mask=np.stack([MASK] * 3, axis=2)))).read("all[0]").mask[0, 2] == 2


def test_colours_are_an_error(save):
    colours = np.zeros((4, 6, 3), np.uint8)
    colours[..., 1] = 8
    with pytest.raises(DataError, match=r"all\[1\], column label: its mask has colours"):
        open_dataset(save(table(mask=colours))).read("all[1]")


def test_numbers_are_read(save):
    columns = {"pixel_values": [photo().transpose(2, 0, 1).tolist()], "labels": [MASK.tolist()]}
    sample = open_dataset(save(lists(columns, pixel_values=of("uint8", 3), labels=of("int64", 2)))).read("all[0]")
    assert (sample.image.shape, sample.image.dtype) == ((4, 6, 3), np.uint8)
    assert np.array_equal(sample.mask, CLASSES)


def test_many_bands_are_read(save):
    features = {"image": datasets.Array3D((12, 4, 6), "uint16"), "mask": datasets.Array2D((4, 6), "uint8")}
    bands = np.arange(12 * 24, dtype=np.uint16).reshape(12, 4, 6) * 200
    dataset = open_dataset(save(lists({"image": [bands], "mask": [MASK]}, **features)))
    assert (dataset.channels, dataset.read("all[0]").image.dtype) == (12, np.uint16)
    assert np.array_equal(dataset.read("all[0]").image[..., 5], bands[5])


def test_numbers_of_unknown_range_are_an_error(save):
    columns = {"image": [photo().tolist()], "label": [MASK.tolist()]}
    dataset = open_dataset(save(lists(columns, image=of("int64", 3), label=of("int64", 2))))
    with pytest.raises(DataError, match="its images are int64; cast the column"):
        dataset.read("all[0]")


# Classes


def test_classes_are_the_values_where_nothing_names_them(save):
    assert open_dataset(save(table())).labels.names == ("0", "1", "2", "3")


def test_classes_may_be_given(save):
    assert open_dataset(save(table()), classes=["a", "b", "c", "d"]).labels.names == ("a", "b", "c", "d")


def test_id2label_names_the_classes(save):
    path = save(table())
    (path / "id2label.json").write_text(json.dumps({"1": "b", "0": "a", "3": "d", "2": "c"}))
    assert open_dataset(path).labels.names == ("a", "b", "c", "d")


@pytest.mark.parametrize(("content", "why"), [("[]", "can't be read as names"), ('{"1": "a"}', r"the numbers \[1\]")])
def test_a_broken_id2label_is_named(save, content, why):
    path = save(table())
    (path / "id2label.json").write_text(content)
    with pytest.raises(DataError, match=rf"id2label\.json.*{why}"):
        _ = open_dataset(path).labels


def test_the_column_may_name_the_classes(save):
    names = datasets.Sequence(datasets.Sequence(datasets.ClassLabel(names=["road", "sky"])))
    columns = {"image": [photo()], "label": [np.ones((4, 6), int).tolist()]}
    assert open_dataset(save(lists(columns, image=datasets.Image(), label=names))).labels.names == ("road", "sky")


def test_a_column_of_depths_makes_no_classes(save):
    with pytest.raises(DataError, match="values up to 5000, which look like no classes"):
        _ = open_dataset(save(table(mask=np.full((4, 6), 5000, np.uint16)))).labels


# Columns


@pytest.mark.parametrize(
    "columns", [("pixel_values", "annotation"), ("Image", "Mask"), ("img", "semantic_segmentation")]
)
def test_columns_are_found_by_their_names(save, columns):
    assert open_dataset(save(table(columns=columns))).read("all[0]").mask[0, 1] == 1


def test_other_columns_are_asked_for(save):
    path = save(table(columns=("photo", "regions")))
    with pytest.raises(DataError, match=r"no images .* say which it is as image: photo \(Image\), regions \(Image\)"):
        open_dataset(path)
    assert open_dataset(path, image="photo", mask="regions").read("all[0]").mask[0, 1] == 1


def test_a_label_of_the_whole_image_is_no_mask(save):
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    with pytest.raises(DataError, match=r"no masks .* label \(ClassLabel\)"):
        open_dataset(save(lists({"image": [photo()], "label": [1]}, **features)))


def test_a_column_that_is_not_there_is_an_error(save):
    with pytest.raises(DataError, match="has no column 'truth'; it has image, label"):
        open_dataset(save(table()), mask="truth")


def test_an_option_of_another_type_is_an_error(save):
    with pytest.raises(OptionError, match="mask as a text, or None"):
        open_dataset(save(table()), mask=1)


# Images


def test_a_grey_photograph_among_others_has_three_channels(save):
    pictures = [Image.fromarray(each) for each in (photo(), photo()[..., 0])]
    rows = {"image": pictures, "label": [Image.fromarray(MASK)] * 2}
    dataset = open_dataset(save(datasets.Dataset.from_dict(rows, features=PICTURES)))
    assert dataset.read("all[1]").image.shape == (4, 6, 3)


def test_grey_images_have_one_channel(save):
    dataset = open_dataset(save(table(photo()[..., 0])))
    assert (dataset.channels, dataset.read("all[0]").image.shape) == (1, (4, 6, 1))


# Bad input


@pytest.mark.parametrize("column", ["image", "label"])
def test_a_corrupt_picture_names_its_row_and_column(tmp_path, column):
    rows = {name: [{"bytes": b"no picture", "path": None}] for name in (column,)}
    good = {name: [Image.fromarray(each)] for name, each in (("image", photo()), ("label", MASK)) if name != column}
    datasets.Dataset.from_dict(rows | good, features=PICTURES).save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match=rf"all\[0\], column {column}: can't be read: UnidentifiedImageError"):
        open_dataset(tmp_path / "saved").read("all[0]")


def test_a_missing_file_is_named(save):
    path = save(table())
    next(path.glob("*.arrow")).unlink()
    with pytest.raises(DataError, match=r"saved can't be loaded by the library datasets: FileNotFoundError"):
        open_dataset(path)


def test_a_corrupt_file_is_named(parquet):
    next(parquet.glob("data/*.parquet")).write_bytes(b"no table")
    with pytest.raises(DataError, match="parquet can't be loaded by the library datasets"):
        open_dataset(parquet)


def test_a_folder_of_other_things_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"neither dataset_dict\.json nor state\.json nor Parquet"):
        open_dataset(tmp_path, "huggingface")


def test_a_name_on_the_hub_without_a_network_is_an_error():
    with pytest.raises(DataError, match=r"user/name isn't on this disk, and can't be loaded .*ConnectionError"):
        open_dataset("user/name", "huggingface")


def test_a_mistaken_path_is_not_looked_up_on_the_hub(monkeypatch):
    monkeypatch.setattr(datasets, "load_dataset", None)
    with pytest.raises(DataError, match="there is nothing at data/set/missing; give a folder"):
        open_dataset("data/set/missing", "huggingface")
    with pytest.raises(DataError, match="there is nothing at data/missing"):
        open_dataset("data/missing")


def test_a_name_on_the_hub_goes_to_the_library(monkeypatch):
    asked = []

    def load_dataset(*arguments: Any, **options: Any) -> Any:
        asked.append((*arguments, options))
        return datasets.DatasetDict(train=table(), test=table())

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    dataset = open_dataset("user/name", "huggingface", config="small", revision="v1")
    assert asked == [("user/name", "small", {"revision": "v1"})]
    assert set(dataset.splits()) == {"train", "test"}


def test_without_the_library_the_extra_is_named(save, monkeypatch):
    path = save(table())
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r'pip install "segzoo-torch\[huggingface\]"'):
        open_dataset(path)


# Worker processes


def test_it_goes_to_a_worker_process(parquet):
    dataset = open_dataset(parquet)
    dataset.read("val[0]")
    assert np.array_equal(pickled(dataset).read("train[1]").mask, dataset.read("train[1]").mask)
    assert not open_files(parquet.parent)


@pytest.mark.slow
def test_a_new_process_reads_it(parquet):
    dataset = open_dataset(parquet)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        sample = pool.submit(dataset.read, "train[1]").result()
    assert np.array_equal(sample.image, photo())
