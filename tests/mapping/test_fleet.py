"""Ray starts processes and takes its time: a few pipelines in all, on two workers."""

import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from brightest import SMALL, as_tiff, brightest, noise, task, truth
from PIL import Image

from segzoo.errors import DataError, InputError, MissingExtraError, OptionError
from segzoo.mapping import fleet
from segzoo.mapping.filing import predict_files
from segzoo.mapping.fleet import Worker, predict_on_ray
from segzoo.mapping.inputs import Input
from segzoo.mapping.naming import name_outputs
from segzoo.mapping.parts import Part, join, parts_of, predict_part


@pytest.fixture(scope="module")
def ray():
    """Whose workers find this module, and what it imports."""
    ray = pytest.importorskip("ray")
    path = os.pathsep.join([str(Path(__file__).parent), *map(str, __import__("sys").path)])
    ray.init(
        num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="warning",
        runtime_env={"env_vars": {"PYTHONPATH": path}},
    )  # fmt: skip
    yield ray
    ray.shutdown()


def dying(marker):
    """A predictor whose process is killed at its tenth tile, unless another was."""
    predictor, seen = brightest(), []

    def engine(tiles):
        seen.append(len(tiles))
        if len(seen) == 10 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 10 * tiles

    predictor.engines[0] = engine
    return predictor


@pytest.mark.slow
def test_a_worker_that_dies_loses_nothing_and_doubles_nothing(ray, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(200):
        Image.fromarray(noise(20, 30 + number)).save(folder / f"{number:03}.png")
    (folder / "broken.png").write_text("no picture")
    marker = tmp_path / "marker"
    outcome = predict_on_ray(partial(dying, marker), brightest(), [str(folder)], tmp_path / "out", task())
    assert marker.exists()
    assert len(outcome.done) == 200
    assert list(outcome.broken) == [str(folder / "broken.png")]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        *(f"{number:03}.png" for number in range(200)), "segzoo-predict.json",
    ]  # fmt: skip
    for number in range(200):
        seen = np.array(Image.open(tmp_path / "out" / f"{number:03}.png"))
        np.testing.assert_array_equal(seen, truth(noise(20, 30 + number)))


def deadly():
    """A predictor whose process dies of each grey picture."""
    predictor = brightest()

    def engine(tiles):
        if (tiles[:, 0] == tiles[:, 1]).all():
            os.kill(os.getpid(), signal.SIGKILL)
        return 10 * tiles

    predictor.engines[0] = engine
    return predictor


@pytest.mark.slow
def test_a_file_of_which_every_worker_dies_is_told_and_the_others_stay(ray, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for width in (30, 31):
        Image.fromarray(noise(20, width)).save(folder / f"{width}.png")
    Image.new("RGB", (20, 20), "grey").save(folder / "grey.png")
    with pytest.raises(DataError, match=r"a worker died 4 times .*grey\.png"):
        predict_on_ray(deadly, brightest(), [str(folder)], tmp_path / "out", task())
    (folder / "grey.png").unlink()
    outcome = predict_on_ray(brightest, brightest(), [str(folder)], tmp_path / "out", task())
    assert len(outcome.kept) + len(outcome.done) == 2


@pytest.mark.slow
def test_a_large_raster_s_parts_make_the_map_of_one_process(ray, tmp_path):
    image = as_tiff(tmp_path / "a.tif", noise(900, 150), nodata=20)
    predict_files(brightest(), [str(image)], tmp_path / "one", task(overlay=True))
    outcome = predict_on_ray(brightest, brightest(), [str(image)], tmp_path / "many", task(overlay=True))
    assert list(outcome.done) == [str(image)]
    assert sorted(each.name for each in (tmp_path / "many").iterdir()) == [
        "a.overlay.png", "a.tif", "segzoo-predict.json",
    ]  # fmt: skip
    for name in ("a.tif", "a.overlay.png"):
        assert (tmp_path / "many" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    again = predict_on_ray(brightest, brightest(), [str(image)], tmp_path / "many", task(overlay=True))
    assert again.kept == [str(image)]


def test_parts_cover_a_large_raster_and_leave_small_files_whole(tmp_path):
    large, small = as_tiff(tmp_path / "a.tif", noise(900, 50)), as_tiff(tmp_path / "b.tif", noise(100, 50))
    (tmp_path / "c.tif").write_text("no raster")
    count = len(SMALL.spans(900))
    parts = {
        path.name: list(parts_of(Input(path, path.stem), brightest(), task()))
        for path in (large, small, tmp_path / "c.tif")
    }
    assert [(part.start, part.stop) for part in parts["a.tif"]] == [(0, 8), (8, 16), (16, count)]
    assert [(part.start, part.stop) for part in parts["b.tif"] + parts["c.tif"]] == [(0, 0), (0, 0)]


def test_a_part_s_classes_are_those_of_the_whole(tmp_path):
    picture = noise(900, 150)
    picture[400:450] = 20
    image = as_tiff(tmp_path / "a.tif", picture, nodata=20)
    worker = Worker(brightest, tmp_path, task())
    answer = worker({"path": str(image), "name": "out", "start": 8, "stop": 16})
    assert answer["broken"] == answer["failed"] == ""
    predict_files(brightest(), [str(image)], tmp_path / "one", task())
    import rasterio

    with rasterio.open(tmp_path / "one" / "a.tif") as file:
        whole = file.read(1)
    spans = SMALL.spans(900)
    part = Part(str(image), "out", 8, 16).file(tmp_path / "out.tif")
    np.testing.assert_array_equal(np.load(part), whole[spans[8].first : spans[15].last])


def test_a_part_that_is_there_is_not_made_again(tmp_path):
    image = as_tiff(tmp_path / "a.tif", noise(900, 150))
    part = Part(str(image), "out", 0, 8)
    files = name_outputs([part.input], tmp_path, brightest().heads, task().wanted)[part.input]
    np.save(part.file(files[""].main), np.zeros(3))
    predict_part(None, part, files, task())


@pytest.mark.parametrize(
    ("error", "told"), [(DataError("bad"), "broken"), (InputError("bad"), "broken"), (OptionError("bad"), "failed")]
)
def test_a_worker_tells_what_went_wrong(tmp_path, monkeypatch, error, told):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(fleet, "predict_file", fail)
    answer = Worker(brightest, tmp_path, task())({"path": "a.png", "name": "a", "start": 0, "stop": 0})
    assert answer[told] == "bad"


def test_without_ray_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"segzoo-torch\[ray\]"):
        predict_on_ray(brightest, brightest(), [], tmp_path, task())


def test_a_cluster_that_is_not_there_is_told(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")

    def refuse(**options):
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    Image.fromarray(noise(20, 30)).save(tmp_path / "a.png")
    common = brightest, brightest(), [str(tmp_path / "a.png")], tmp_path / "out", task()
    with pytest.raises(OptionError, match=r"Ray can't be reached at ray://nowhere:1: nobody answers; see `ray status`"):
        predict_on_ray(*common, address="ray://nowhere:1")
    with pytest.raises(OptionError, match="Ray can't be started on this machine: nobody answers"):
        predict_on_ray(*common)


def test_without_a_gpu_workers_do_not_wait_for_one(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    Image.fromarray(noise(20, 30)).save(tmp_path / "a.png")
    with pytest.raises(OptionError, match="no GPU on this machine"):
        predict_on_ray(brightest, brightest(), [str(tmp_path / "a.png")], tmp_path / "out", task(), gpus=1)


def test_what_a_killed_worker_had_begun_is_taken_away(tmp_path):
    image = as_tiff(tmp_path / "a.tif", noise(100, 150))
    for name in (".a.tif.1.partial", ".a.tif.0-8.npy", "..a.tif.0-8.npy.1.partial"):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_text("half")
    Worker(brightest, tmp_path / "out", task())({"path": str(image), "name": "a", "start": 0, "stop": 0})
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["a.tif"]


def test_joined_parts_make_the_map_of_one_process(tmp_path):
    image = as_tiff(tmp_path / "a.tif", noise(900, 150), nodata=20)
    (one,) = predict_files(brightest(), [str(image)], tmp_path / "one", task(overlay=True)).done.values()
    given, folder = Input(image, "a"), tmp_path / "many"
    folder.mkdir()
    (files,) = name_outputs([given], folder, [""], task(overlay=True).wanted).values()
    parts = list(parts_of(given, brightest(), task(overlay=True)))
    for part in parts:
        predict_part(brightest(), part, files, task(overlay=True))
    joined = join(brightest(), given, parts, files, task(overlay=True))
    assert joined.pixels == one.pixels
    assert sorted(each.name for each in folder.iterdir()) == ["a.overlay.png", "a.tif"]
    assert (folder / "a.tif").read_bytes() == (tmp_path / "one" / "a.tif").read_bytes()
