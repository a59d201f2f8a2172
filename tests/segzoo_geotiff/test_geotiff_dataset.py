import multiprocessing
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from dataset_facts import open_files, pickled, recognising
from PIL import Image
from rasterio.transform import from_origin

from segzoo import IGNORE, DataError, DataWarning, MissingExtraError, OptionError
from segzoo.data import open_dataset

HEIGHT, WIDTH, SIDE = 40, 56, 32
PLACE = {"crs": "EPSG:32633", "transform": from_origin(500_000, 5_000_000, 10, 10)}
BANDS = np.arange(12 * HEIGHT * WIDTH, dtype=np.uint16).reshape(12, HEIGHT, WIDTH)
MASK = (np.arange(HEIGHT * WIDTH).reshape(1, HEIGHT, WIDTH) % 4).astype(np.uint8)
CORNER = "images/scene.tif[8:40,24:56]"


def write(file: Path, values: Any, **profile: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            file, "w", driver="GTiff", count=count, height=height, width=width, dtype=values.dtype, **profile
        ) as raster:
            raster.write(values)
    return file


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Twelve bands of 16 bits."""
    write(tmp_path / "images" / "scene.tif", BANDS, **PLACE)
    write(tmp_path / "masks" / "scene.tif", MASK, **PLACE)
    return tmp_path


def opened(path: Path, **options: Any) -> Any:
    return open_dataset(path, **{"window": SIDE, **options})


# What is where


def test_no_other_form_recognises_it(scene):
    assert recognising(scene) == {"geotiff"}


@pytest.mark.parametrize("profile", [{"BIGTIFF": "YES"}, {"crs": None}, {"ENDIANNESS": "BIG"}])
def test_other_headers_are_recognised(scene, profile):
    write(scene / "images" / "scene.tif", BANDS, **(PLACE | profile))
    assert recognising(scene) == {"geotiff"}


def test_tiffs_without_a_place_are_pictures_in_a_folder(scene):
    write(scene / "images" / "scene.tif", BANDS)
    assert recognising(scene) == {"folder"}


def test_masks_in_colours_are_left_to_the_folder(scene):
    write(scene / "masks" / "scene.tif", np.repeat(MASK, 3, axis=0), **PLACE)
    assert recognising(scene) == {"folder"}


def test_masks_in_another_format_are_left_to_the_folder(scene):
    Image.fromarray(MASK[0]).save(scene / "masks" / "scene.png")
    (scene / "masks" / "scene.tif").unlink()
    assert recognising(scene) == {"folder"}


def test_a_broken_raster_among_others_changes_no_form(scene):
    (scene / "images" / "a.tif").write_bytes(b"no raster")
    write(scene / "masks" / "a.tif", MASK, **PLACE)
    assert recognising(scene) == {"geotiff"}


def test_without_rasterio_it_is_a_folder(scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    assert recognising(scene) == {"folder"}


@pytest.mark.parametrize("layout", ["{split}/{kind}", "{kind}/{split}"])
def test_splits_are_in_the_folders_or_around_them(tmp_path, layout):
    for split in ("train", "val"):
        write(tmp_path / layout.format(split=split, kind="images") / "a.tif", BANDS, **PLACE)
        write(tmp_path / layout.format(split=split, kind="masks") / "a.tif", MASK, **PLACE)
    splits = opened(tmp_path, window=64).splits()
    name = layout.format(split="val", kind="images")
    assert splits["val"] == [f"{name}/a.tif[0:40,0:56]"]
    assert len(splits["train"]) == 1


# Windows


def test_windows_cover_a_raster_to_its_end(scene):
    assert opened(scene).splits() == {
        "all": [f"images/scene.tif[{rows},{columns}]" for rows in ("0:32", "8:40") for columns in ("0:32", "24:56")]
    }


def test_a_window_is_that_part_of_the_raster(scene):
    sample = opened(scene).read(CORNER)
    assert sample.image.dtype == np.uint16
    assert np.array_equal(sample.image, BANDS[:, 8:, 24:].transpose(1, 2, 0))
    assert np.array_equal(sample.mask, MASK[0, 8:, 24:])


def test_windows_may_overlap(scene):
    with pytest.warns(DataWarning, match="overlap, and it has no val/"):
        assert len(opened(scene, stride=8).splits()["all"]) == 8


def test_the_name_of_a_window_tells_its_size(scene):
    assert opened(scene, window=48).size("images/scene.tif[0:40,8:56]") == (40, 48)


def test_only_the_window_is_read(scene, monkeypatch):
    read = []
    monkeypatch.setattr(
        rasterio.io.DatasetReader, "read", lambda *_, **options: read.append(options["window"]) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        opened(scene).read(CORNER)
    assert read == [((8, 40), (24, 56))]


# Bands and types


def test_some_bands_may_be_read(scene):
    dataset = opened(scene, bands=[4, 1])
    assert dataset.channels == 2
    assert np.array_equal(dataset.read(CORNER).image[..., 0], BANDS[3, 8:, 24:])


def test_all_bands_are_channels(scene):
    assert opened(scene).channels == 12


def test_a_band_that_is_not_there_is_an_error(scene):
    with pytest.raises(DataError, match=r"has 12 bands; expected those numbered \[13\]"):
        opened(scene, bands=[13])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_types_stay(scene, dtype):
    write(scene / "images" / "scene.tif", np.ones((4, HEIGHT, WIDTH), dtype), **PLACE)
    assert opened(scene).read(CORNER).image.dtype == dtype


# What belongs to no class


def test_pixels_to_ignore_belong_to_no_class(scene):
    write(scene / "masks" / "scene.tif", np.where(MASK == 3, 255, MASK).astype(np.uint8), **PLACE)
    dataset = opened(scene)
    assert np.array_equal(dataset.read(CORNER).mask == IGNORE, MASK[0, 8:, 24:] == 3)
    assert dataset.classes == 3


@pytest.mark.parametrize(("nodata", "ignored"), [(True, IGNORE), (False, 0)])
def test_the_nodata_of_a_mask_belongs_to_no_class(scene, nodata, ignored):
    write(scene / "masks" / "scene.tif", MASK, nodata=0, **PLACE)
    assert opened(scene, nodata=nodata).read(CORNER).mask[0, 0] == ignored


def test_zero_may_belong_to_no_class(scene):
    dataset = opened(scene, reduce_zero=True)
    assert (dataset.read(CORNER).mask[0, :4].tolist(), dataset.classes) == ([IGNORE, 0, 1, 2], 3)


@pytest.mark.parametrize("empty", [-9999.0, np.nan])
def test_pixels_without_data_belong_to_no_class_and_are_zero(scene, empty):
    values = np.ones((2, HEIGHT, WIDTH), np.float32)
    values[:, 8, 24:30] = empty
    values[0, 9, 24] = empty
    write(scene / "images" / "scene.tif", values, nodata=empty, **PLACE)
    sample = opened(scene).read(CORNER)
    assert (sample.mask[0, :6] == IGNORE).all()
    assert (sample.mask == IGNORE).sum() == 6
    assert sample.image[0, 0].tolist() == [0, 0]
    assert sample.image[1, 0].tolist() == [0, 1]


def test_numbers_that_are_none_are_zero_where_no_nodata_is_declared(scene):
    values = np.ones((2, HEIGHT, WIDTH), np.float32)
    values[:, 8, 24] = np.nan
    write(scene / "images" / "scene.tif", values, **PLACE)
    sample = opened(scene).read(CORNER)
    assert (sample.mask[0, 0], sample.image[0, 0].tolist()) == (IGNORE, [0, 0])


# Classes


def test_classes_are_the_values_where_nothing_names_them(scene):
    assert opened(scene).labels.names == ("0", "1", "2", "3")


def test_a_file_names_the_classes_and_their_colours(scene):
    (scene / "classes.txt").write_text("water 0 0 255\nland 0 255 0\nice 255 255 255\nrock 9 9 9\n")
    labels = opened(scene).labels
    assert (labels.names, labels.palette[1]) == (("water", "land", "ice", "rock"), (0, 255, 0))


def test_classes_may_be_given(scene):
    assert opened(scene, classes=["a", "b", "c", "d"]).labels.names == ("a", "b", "c", "d")


@pytest.mark.parametrize("options", [{}, {"classes": ["ground", "building"]}])
def test_black_and_white_are_two_classes(scene, options):
    write(scene / "masks" / "scene.tif", np.where(MASK > 1, 255, 0).astype(np.uint8), **PLACE)
    dataset = opened(scene, **options)
    assert dataset.classes == 2
    assert np.array_equal(dataset.read(CORNER).mask, MASK[0, 8:, 24:] > 1)


def test_a_mask_of_whole_floats_is_read(scene):
    write(scene / "masks" / "scene.tif", MASK.astype(np.float32), **PLACE)
    assert np.array_equal(opened(scene).read(CORNER).mask, MASK[0, 8:, 24:])


def test_a_mask_of_fractions_is_an_error(scene):
    write(scene / "masks" / "scene.tif", MASK + np.float32(0.5), **PLACE)
    with pytest.raises(DataError, match=r"masks/scene\.tif has fractions"):
        opened(scene).read(CORNER)


def test_heights_make_no_classes(scene):
    write(scene / "masks" / "scene.tif", MASK.astype(np.uint16) + 4000, **PLACE)
    with pytest.raises(DataError, match=r"values up to 4003; list the classes"):
        _ = opened(scene).labels


# Image and mask that don't belong together


def test_a_mask_that_lies_elsewhere_is_an_error(scene):
    write(scene / "masks" / "scene.tif", MASK, crs="EPSG:32633", transform=from_origin(500_005, 5_000_000, 10, 10))
    with pytest.raises(DataError, match=r"masks/scene\.tif lies up to 0\.5 pixels away .*warp the mask"):
        opened(scene)


def test_a_mask_of_another_resolution_is_an_error(scene):
    write(scene / "masks" / "scene.tif", MASK, crs="EPSG:32633", transform=from_origin(500_000, 5_000_000, 20, 20))
    with pytest.raises(DataError, match=r"lies up to 68\.82 pixels away"):
        opened(scene)


def test_a_mask_in_another_projection_is_an_error(scene):
    write(scene / "masks" / "scene.tif", MASK, **(PLACE | {"crs": "EPSG:32632"}))
    with pytest.raises(DataError, match=r"is in EPSG:32633 and .*masks/scene\.tif in EPSG:32632"):
        opened(scene)


def test_a_mask_of_another_size_is_an_error(scene):
    write(scene / "masks" / "scene.tif", MASK[:, 1:], **PLACE)
    with pytest.raises(DataError, match=r"has 40x56 pixels and .* 39x56; expected one grid"):
        opened(scene)


def test_a_mask_that_does_not_say_where_it_lies_is_taken(scene):
    write(scene / "masks" / "scene.tif", MASK)
    assert np.array_equal(opened(scene).read(CORNER).mask, MASK[0, 8:, 24:])


def test_a_mask_of_several_bands_is_an_error(scene):
    write(scene / "masks" / "scene.tif", np.repeat(MASK, 3, axis=0), **PLACE)
    with pytest.raises(DataError, match=r"masks/scene\.tif has 3 bands"):
        opened(scene, form="geotiff")


def test_a_mask_that_is_smeared_is_an_error(scene):
    write(scene / "masks" / "scene.tif", MASK, compress="JPEG", **PLACE)
    with pytest.raises(DataError, match="compressed as JPEG, which changes values"):
        opened(scene)


@pytest.mark.parametrize(("lacking", "what"), [("masks", "no mask"), ("images", "no image")])
def test_a_missing_file_is_named(scene, lacking, what):
    write(scene / "images" / "other.tif", BANDS, **PLACE)
    write(scene / "masks" / "other.tif", MASK, **PLACE)
    (scene / lacking / "other.tif").unlink()
    with pytest.raises(DataError, match=rf"1 rasters .* have {what} of the same name: other\.tif"):
        opened(scene)


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_a_corrupt_file_is_a_sample_that_cannot_be_read(scene, kind):
    for folder, values in (("images", BANDS), ("masks", MASK)):
        write(scene / folder / "broken.tif", values, **PLACE)
    (scene / kind / "broken.tif").write_bytes(b"no raster")
    dataset = opened(scene)
    assert dataset.splits()["all"][0] == "images/broken.tif"
    assert dataset.classes == 4
    with pytest.raises(DataError, match=rf"{kind}/broken\.tif can't be read"):
        dataset.read("images/broken.tif")


def test_a_file_that_breaks_off_is_named(scene):
    file = scene / "images" / "scene.tif"
    file.write_bytes(file.read_bytes()[:40_000])
    with pytest.raises(DataError, match=r"images/scene\.tif can't be read"):
        opened(scene).read(CORNER)


def test_a_file_that_vanishes_is_named(scene):
    dataset = opened(scene)
    (scene / "masks" / "scene.tif").unlink()
    with pytest.raises(DataError, match=r"there is no file .*masks/scene\.tif"):
        dataset.read(CORNER)


def test_a_folder_without_rasters_is_an_error(tmp_path):
    with pytest.raises(DataError, match="has no GeoTIFFs"):
        opened(tmp_path, form="geotiff")


def test_a_window_of_nothing_is_an_error(scene):
    with pytest.raises(OptionError, match="window as a whole number from 16 on"):
        opened(scene, window=0)


def test_without_rasterio_the_extra_is_named(scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(MissingExtraError, match=r'pip install "segzoo-torch\[geotiff\]"'):
        opened(scene, form="geotiff")


# Worker processes


def test_it_goes_to_a_worker_process(scene):
    dataset = opened(scene)
    dataset.read(CORNER)
    assert np.array_equal(pickled(dataset).read(CORNER).mask, dataset.read(CORNER).mask)
    assert not open_files(scene)


@pytest.mark.slow
def test_a_new_process_reads_it(scene):
    dataset = opened(scene)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        sample = pool.submit(dataset.read, CORNER).result()
    assert np.array_equal(sample.mask, MASK[0, 8:, 24:])
