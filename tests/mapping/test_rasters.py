import json
import os

import numpy as np
import pytest
from brightest import NAMES, SMALL, as_tiff, brightest, noise, task, truth
from PIL import Image

from segzoo.errors import DataError, MissingExtraError, OptionError
from segzoo.labels import Labels
from segzoo.mapping import opening
from segzoo.mapping.filing import predict_files
from segzoo.mapping.head_classes import HeadClasses
from segzoo.mapping.opening import open_source
from segzoo.mapping.rasters import RasterSource
from segzoo.mapping.strips import Strips
from segzoo.mapping.writers import tiff_writer
from segzoo.prediction.source import Window
from segzoo.preprocessing import Preprocessing

rasterio = pytest.importorskip("rasterio")
TILED = {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "deflate"}


def predicted(path, folder, predictor=None, **wanted):
    outcome = predict_files(predictor or brightest(), [str(path)], folder, task(**wanted))
    assert outcome.broken == {}
    return outcome


def read(path, band=1):
    with rasterio.open(path) as file:
        return file.read(band)


@pytest.mark.parametrize("options", [{}, TILED, {"interleave": "pixel"}], ids=["rows", "tiled", "pixels"])
def test_a_class_map_lies_where_its_image_lies(tmp_path, options):
    picture = noise(260, 650)
    image = as_tiff(tmp_path / "a.tif", picture, **options)
    predicted(image, tmp_path / "out")
    with rasterio.open(image) as given, rasterio.open(tmp_path / "out" / "a.tif") as file:
        assert file.transform == given.transform
        assert file.crs == given.crs
        assert file.shape == given.shape
        assert (file.count, file.dtypes, file.nodata) == (1, ("uint8",), 255)
        assert file.profile["compress"] == "deflate"
        assert file.block_shapes == [(512, 512)]
        assert file.colormap(1)[2] == (0, 0, 255, 255)
        assert json.loads(file.tags()["classes"]) == list(NAMES)
        np.testing.assert_array_equal(file.read(1), truth(picture))


@pytest.mark.parametrize("ending", [".tif", ".TIF", ".tiff"])
def test_tiffs_become_tiffs(tmp_path, ending):
    predicted(as_tiff(tmp_path / f"a{ending}", noise(20, 30)), tmp_path / "out")
    assert (tmp_path / "out" / "a.tif").exists()


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 0), ("uint16", 65535), ("int16", -9999), ("float32", np.nan)])
def test_pixels_without_data_have_none_in_the_map(tmp_path, dtype, nodata):
    picture = noise(100, 200).astype(dtype)
    picture[30:, 50:120] = nodata
    picture[:10, :10, 1] = nodata  # of one band alone: the others have data
    predictor = brightest()
    predicted(as_tiff(tmp_path / "a.tif", picture, nodata=nodata), tmp_path / "out", predictor)
    seen = read(tmp_path / "out" / "a.tif")
    assert (seen[30:, 50:120] == 255).all()
    assert (seen == 255).sum() == 70 * 70


def test_transparent_pixels_have_no_data(tmp_path):
    picture = np.concatenate([noise(40, 50), np.full((40, 50, 1), 255, np.uint8)], axis=2)
    picture[:5, :, 3] = 0
    predicted(as_tiff(tmp_path / "a.tif", picture, photometric="RGB", alpha="YES"), tmp_path / "out")
    seen = read(tmp_path / "out" / "a.tif")
    assert (seen[:5] == 255).all()
    np.testing.assert_array_equal(seen[5:], truth(picture[5:, :, :3]))


@pytest.mark.parametrize(("dtype", "channels"), [("uint16", 3), ("uint16", 7), ("float32", 4)])
def test_many_bands_of_other_types_are_read(tmp_path, dtype, channels):
    picture = noise(40, 50, channels).astype(dtype)
    predicted(as_tiff(tmp_path / "a.tif", picture), tmp_path / "out", brightest(channels))
    np.testing.assert_array_equal(read(tmp_path / "out" / "a.tif"), truth(picture))


def test_a_raster_without_a_place_gives_a_map_without_one(tmp_path):
    predicted(as_tiff(tmp_path / "a.tif", noise(20, 30), crs=None), tmp_path / "out", overlay=True)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        file = rasterio.open(tmp_path / "out" / "a.tif")
    with file:
        assert file.crs is None
        assert file.transform.is_identity
    assert Image.open(tmp_path / "out" / "a.overlay.png").size == (30, 20)


def test_ground_control_points_are_kept(tmp_path):
    from rasterio.control import GroundControlPoint

    points = [GroundControlPoint(row, column, 10 + column, 50 - row, 0) for row in (0, 20) for column in (0, 30)]
    as_tiff(tmp_path / "a.tif", noise(20, 30), crs=None)
    with rasterio.open(tmp_path / "a.tif", "r+") as file:
        file.gcps = points, rasterio.crs.CRS.from_epsg(4326)
    predicted(tmp_path / "a.tif", tmp_path / "out")
    with rasterio.open(tmp_path / "out" / "a.tif") as file:
        assert [(each.row, each.col, each.x, each.y) for each in file.gcps[0]] == [
            (each.row, each.col, each.x, each.y) for each in points
        ]
        assert file.gcps[1].to_epsg() == 4326


def test_probabilities_are_bands_with_the_classes_names(tmp_path):
    picture = noise(70, 150).astype(np.float32) / 100
    picture[:10] = np.nan
    predicted(as_tiff(tmp_path / "a.tif", picture), tmp_path / "out", output="probabilities")
    with rasterio.open(tmp_path / "out" / "a.probabilities.tif") as file:
        assert file.descriptions == NAMES
        values = file.read()
    assert np.isnan(values[:, :10]).all()
    np.testing.assert_array_equal(values[:, 10:].argmax(0), truth(picture[10:]))


def test_more_classes_than_a_byte_holds_take_two(tmp_path):
    predictor = brightest(1)
    predictor.heads[""] = HeadClasses.of(300, Labels())
    predictor.engines[0] = lambda tiles: tiles.new_zeros(1, 300, *tiles.shape[-2:]).index_fill_(1, _number(280), 1)
    predicted(as_tiff(tmp_path / "a.tif", noise(20, 30, 1)), tmp_path / "out", predictor)
    assert (read(tmp_path / "out" / "a.tif") == 280).all()


def _number(value):
    import torch

    return torch.tensor([value])


def test_a_raster_is_read_in_windows_alone(tmp_path):
    as_tiff(tmp_path / "a.tif", noise(500, 700), **TILED)
    with open_source(tmp_path / "a.tif", Preprocessing()) as source:
        assert isinstance(source, RasterSource)
        pixels, valid = source.read(Window(100, 130, 200, 260))
        assert pixels.shape == (1, 3, 30, 60)
        assert valid is None
        assert source.reduced(10).shape == (50, 70, 3)


def test_a_large_picture_is_read_in_windows_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "LARGE", 1000)
    picture = noise(150, 233)
    Image.fromarray(picture).save(tmp_path / "a.png")
    Image.fromarray(picture).convert("P").save(tmp_path / "b.png")
    with open_source(tmp_path / "a.png", Preprocessing()) as a, open_source(tmp_path / "b.png", Preprocessing()) as b:
        assert isinstance(a, RasterSource)
        assert not isinstance(b, RasterSource)
    predicted(tmp_path / "a.png", tmp_path / "out", overlay=True)
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "out" / "a.png")), truth(picture))


def test_a_picture_that_pillow_finds_too_large_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "LARGE", 1000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.fromarray(noise(150, 233)).save(tmp_path / "a.png")
    predicted(tmp_path / "a.png", tmp_path / "out")
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_raster_that_ends_early_is_named(tmp_path):
    image = as_tiff(tmp_path / "a.tif", noise(500, 700), **TILED)
    image.write_bytes(image.read_bytes()[:100_000])
    outcome = predict_files(brightest(), [str(image)], tmp_path / "out", task())
    (reason,) = outcome.broken.values()
    assert reason.startswith(f"{image} can't be read: ")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["segzoo-predict.json"]


def test_without_rasterio_the_extra_is_named(tmp_path, monkeypatch):
    as_tiff(tmp_path / "a.tif", noise(20, 30))
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    with pytest.raises(MissingExtraError, match=r"segzoo-torch\[geotiff\]"), open_source(tmp_path / "a.tif", None):
        pass


def test_a_full_disk_is_told(tmp_path):
    resource = pytest.importorskip("resource")
    if os.fork() == 0:  # the limit is of the whole process
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        told = False
        values = np.random.default_rng(0).integers(0, 150, (512, 1024), np.uint8)
        try:
            with tiff_writer(tmp_path / "a.tif", values.shape, HeadClasses.of(150, Labels()), {}) as writer:
                writer.write(values, Window(0, 512, 0, 1024))
        except OptionError as error:
            told = "a.tif" in str(error)
        os._exit(0 if told else 1)
    assert os.wait()[1] == 0


def test_strips_are_whole_rows_in_order():
    values = np.arange(70 * 40).reshape(70, 40)
    strips, found = Strips((70, 40), 16), []
    for top, bottom in ((0, 30), (30, 33), (33, 70)):
        for left, right in ((0, 15), (15, 40)):
            found += strips.add(values[top:bottom, left:right], Window(top, bottom, left, right))
    assert [top for top, _ in found] == [0, 16, 32, 48, 64]
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in found]), values)


def test_polygons_are_drawn_around_classes(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[..., 0] = 1
    picture[20:40, 50:150] = (0, 0, 9)
    picture[80:, :10] = 0
    predicted(as_tiff(tmp_path / "a.tif", picture, nodata=0), tmp_path / "out", polygons=True)
    frame = geopandas.read_file(tmp_path / "out" / "a.gpkg", layer="classes")
    assert frame.crs.to_epsg() == 32632
    assert sorted(zip(frame["class"], frame["name"], frame.area, strict=True)) == [
        (0, "red", (20000 - 2000 - 200) / 4),
        (2, "blue", 2000 / 4),
    ]
    assert frame[frame["class"] == 2].total_bounds.tolist() == [500_025, 5_399_980, 500_075, 5_399_990]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["a.gpkg", "a.tif", "segzoo-predict.json"]


def test_polygons_of_one_class_are_where_it_is(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    predictor = brightest(1)
    predictor.engines[0] = lambda tiles: tiles - 0.5
    picture = np.zeros((60, 80, 1), np.uint8)
    picture[10:20, 30:50] = 255
    Image.fromarray(picture[..., 0]).save(tmp_path / "a.png")
    predicted(tmp_path / "a.png", tmp_path / "out", predictor, polygons=True)
    frame = geopandas.read_file(tmp_path / "out" / "a.gpkg")
    assert frame["class"].tolist() == [1]
    assert frame.total_bounds.tolist() == [30, 10, 50, 20]


def test_a_map_without_polygons_is_an_empty_layer(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    predictor = brightest(1)
    predictor.engines[0] = lambda tiles: tiles - 0.5
    predicted(as_tiff(tmp_path / "a.tif", np.zeros((60, 80, 1), np.uint8)), tmp_path / "out", predictor, polygons=True)
    assert len(geopandas.read_file(tmp_path / "out" / "a.gpkg", layer="classes")) == 0


def test_without_geopandas_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "geopandas", None)
    with pytest.raises(MissingExtraError, match=r"segzoo-torch\[polygons\]"):
        predict_files(brightest(), [], tmp_path, task(polygons=True))


def test_a_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*a\.tif"), open_source(tmp_path / "a.tif", Preprocessing()):
        pass


def test_the_map_of_tiles_beside_each_other_is_that_of_large_ones(tmp_path):
    image = as_tiff(tmp_path / "a.tif", noise(300, 400))
    predicted(image, tmp_path / "small", tiling=SMALL)
    predicted(image, tmp_path / "batched", tiling=SMALL, batch=5)
    np.testing.assert_array_equal(read(tmp_path / "small" / "a.tif"), read(tmp_path / "batched" / "a.tif"))


def test_a_raster_that_is_stored_in_rows_is_unpacked_once(tmp_path):
    image = as_tiff(tmp_path / "a.tif", noise(256, 4000), blockysize=64, compress="deflate")
    with opening.open_raster(image, rows=256) as raster:
        assert rasterio.env.getenv()["GDAL_CACHEMAX"] >= 256 * 4000 * 3
        assert raster.block_shapes[0] == (64, 4000)
