"""Image and mask files as arrays."""

import numpy as np
import pytest
from PIL import Image

from segzoo.data import encode_colours, image_size, in_colour, read_image, read_mask, read_palette, relabel
from segzoo.errors import DataError, MissingExtraError

GREY = np.array([[0, 1, 2], [3, 4, 255]], np.uint8)
COLOURS = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def save_bands(path, bands):
    """As rasterio writes bands (C, H, W)."""
    rasterio = pytest.importorskip("rasterio")
    count, height, width = bands.shape
    driver = "PNG" if path.suffix == ".png" else "GTiff"
    with rasterio.open(
        path, "w", driver=driver, count=count, height=height, width=width, dtype=bands.dtype.name
    ) as raster:
        raster.write(bands)
    return path


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif", ".TIFF"])
def test_an_image_is_as_it_was_saved(tmp_path, ending):
    Image.fromarray(COLOURS).save(tmp_path / f"a{ending}")
    assert np.array_equal(read_image(tmp_path / f"a{ending}"), COLOURS)


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_a_lossy_image_has_its_size_and_type(tmp_path, ending):
    Image.new("RGB", (30, 20)).save(tmp_path / f"a{ending}")
    image = read_image(tmp_path / f"a{ending}")
    assert (image.shape, image.dtype) == ((20, 30, 3), np.uint8)


def test_a_grey_image_has_one_channel(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), GREY[..., None])


@pytest.mark.parametrize("mode", ["P", "RGBA", "CMYK", "1", "LA"])
def test_an_image_of_another_mode_becomes_red_green_and_blue(tmp_path, mode):
    Image.fromarray(COLOURS).convert(mode).save(tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif").shape[2] == {"RGBA": 4, "LA": 2}.get(mode, 3)  # TIFFs' fourth may be infrared


def test_transparency_is_no_channel(tmp_path):
    Image.fromarray(COLOURS).convert("RGBA").save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), COLOURS)


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape[:2] == image_size(tmp_path / "a.jpg") == (30, 20)


@pytest.mark.parametrize("count", [3, 4])
def test_colours_of_sixteen_bits_keep_their_values(tmp_path, count):
    bands = np.arange(count * 6, dtype=np.uint16).reshape(count, 2, 3) * 100
    image = read_image(save_bands(tmp_path / "a.png", bands))
    assert image.dtype == np.uint16
    assert np.array_equal(image, np.moveaxis(bands, 0, -1))


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("count", [2, 5, 12])
def test_bands_of_a_tiff_stay(tmp_path, kind, count):
    bands = np.arange(count * 6).reshape(count, 2, 3).astype(kind)
    image = read_image(save_bands(tmp_path / "a.tif", bands))
    assert image.dtype == kind
    assert np.array_equal(image, np.moveaxis(bands, 0, -1))
    assert image_size(tmp_path / "a.tif") == (2, 3)


def test_bands_without_rasterio_are_an_error_that_says_what_to_install(tmp_path, monkeypatch):
    save_bands(tmp_path / "a.tif", np.zeros((5, 2, 3), np.uint8))
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    with pytest.raises(MissingExtraError, match=r'pip install "segzoo-torch\[geotiff\]"'):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 7)])
@pytest.mark.parametrize("ending", [".npy", ".NPY"])
def test_an_array_is_an_image(tmp_path, shape, ending):
    with open(tmp_path / f"a{ending}", "wb") as file:
        np.save(file, np.full(shape, 0.5, np.float32))
    image = read_image(tmp_path / f"a{ending}")
    assert (image.shape, image.dtype) == ((2, 3, 7 if len(shape) == 3 else 1), np.float32)
    assert image_size(tmp_path / f"a{ending}") == (2, 3)


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}]], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a\.npy can't be read"):
        read_image(tmp_path / "a.npy")


def test_an_array_of_four_dimensions_is_an_error(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((1, 2, 3, 4)))
    with pytest.raises(DataError, match=r"expected an array .* got \(1, 2, 3, 4\)"):
        read_image(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("read", "ending"),
    [(read, ending) for read in (read_image, read_mask, image_size) for ending in (".png", ".tif", ".npy")]
    + [(read_palette, ".png"), (read_palette, ".tif")],
)
def test_what_is_no_picture_is_an_error_that_names_it(tmp_path, read, ending):
    (tmp_path / f"a{ending}").write_bytes(b"no picture")
    with pytest.raises(DataError, match=rf"a{ending} can't be read.*replace the file"):
        read(tmp_path / f"a{ending}")


@pytest.mark.parametrize("read", [read_image, read_mask, image_size])
def test_a_missing_file_is_an_error(tmp_path, read):
    with pytest.raises(DataError, match="there is no file"):
        read(tmp_path / "a.png")


def test_a_mask_with_a_palette_holds_its_numbers(tmp_path):
    mask = Image.fromarray(np.array([[0, 2], [1, 0]], np.uint8), mode="P")
    mask.putpalette([0, 0, 0, 9, 8, 7, 6, 5, 4])
    mask.save(tmp_path / "a.png")
    assert read_mask(tmp_path / "a.png").tolist() == [[0, 2], [1, 0]]
    assert read_palette(tmp_path / "a.png")[:3] == ((0, 0, 0), (9, 8, 7), (6, 5, 4))


def test_a_grey_mask_has_no_palette(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    assert read_palette(tmp_path / "a.png") == ()


def test_a_mask_of_single_bits_holds_zeros_and_ones(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "a.png")
    mask = read_mask(tmp_path / "a.png")
    assert (mask.dtype, mask.tolist()) == (np.uint8, [[1, 0]])


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_mask_of_colours_is_three_channels(tmp_path, mode):
    Image.fromarray(COLOURS).convert(mode).save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png"), COLOURS)


def test_a_grey_mask_with_transparency_is_grey(tmp_path):
    Image.fromarray(GREY).convert("LA").save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png"), GREY)


@pytest.mark.parametrize("kind", ["uint16", "int16", "int32", "float32", "float64"])
def test_whole_numbers_of_any_type_are_a_mask(tmp_path, kind):
    mask = read_mask(save_bands(tmp_path / "a.tif", np.array([[[0, 300, 7]]]).astype(kind)))
    assert mask.dtype.kind in "ui"
    assert mask.tolist() == [[0, 300, 7]]


@pytest.mark.parametrize("mask", [np.array([[0.5]]), np.array([[np.nan]]), np.zeros((2, 2, 4), np.uint8)])
def test_what_is_no_mask_is_an_error(tmp_path, mask):
    np.save(tmp_path / "a.npy", mask)
    with pytest.raises(DataError, match="expected a mask of whole numbers"):
        read_mask(tmp_path / "a.npy")


def test_a_channel_of_one_is_left_out_of_a_mask(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 3, 1), np.int64))
    assert read_mask(tmp_path / "a.npy").shape == (2, 3)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int64"])
def test_values_are_mapped_through_a_table(kind):
    mask = np.array([[0, 7], [200, 7]], kind)
    assert relabel(mask, {7: 1, 200: -100}).tolist() == [[0, 1], [-100, 1]]
    assert relabel(mask, {7: 1}, default=-1).tolist() == [[-1, 1], [-1, 1]]
    assert relabel(mask, {}).dtype == np.int64


def test_values_that_a_type_does_not_hold_are_left_out_of_the_table():
    assert relabel(np.array([[0, 255]], np.uint8), {-1: 5, 300: 5, 255: 1}).tolist() == [[0, 1]]


def test_colours_are_numbers():
    assert encode_colours(np.array([[[1, 2, 3]]], np.uint8)).tolist() == [[0x010203]]


def test_grey_is_red_green_and_blue_alike():
    assert np.array_equal(in_colour(GREY[..., None]), np.stack([GREY] * 3, axis=-1))
    assert in_colour(COLOURS) is COLOURS
