import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from brightest import as_tiff, noise
from click.testing import CliRunner
from PIL import Image

import segzoo
from segzoo.cli import main

NAMES = ("road", "sky", "person", "car")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    made = segzoo.create_model("test_resnet", "linear", classes=4).eval()
    made.save_pretrained(folder, labels=segzoo.Labels(NAMES))
    return folder


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.png", "b.jpg"):
        Image.fromarray(noise(40, 50)).save(folder / name)
    return folder


def run(*arguments):
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


def test_a_folder_gives_class_maps_and_pictures(model, images, tmp_path):
    result = run(model, images, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        "a.overlay.png", "a.png", "b.overlay.png", "b.png", "segzoo-predict.json",
    ]  # fmt: skip
    assert "40x50" in result.stdout
    assert "%" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 images"


def test_the_map_is_what_predict_says(model, images, tmp_path):
    run(model, images / "a.png", "--output", tmp_path / "out", "--no-overlay")
    loaded = segzoo.from_pretrained(model)
    expected = loaded.predict(loaded.preprocessing(Image.open(images / "a.png")))
    assert (np.array(Image.open(tmp_path / "out" / "a.png")) == expected.numpy()).all()
    assert not (tmp_path / "out" / "a.overlay.png").exists()


def test_options_reach_the_tiles(model, tmp_path):
    Image.fromarray(noise(150, 200)).save(tmp_path / "a.png")
    options = {"tile": 64, "margin": 8, "blend": 16, "flips": True, "half": True, "scales": (1.0, 1.5)}
    given = ["--tile", 64, "--margin", 8, "--blend", 16, "--batch-size", 3, "--flips", "--half", "--scales", "1,1.5"]
    result = run(model, tmp_path / "a.png", "--output", tmp_path / "out", "--save", "logits", *given)
    assert result.exit_code == 0, result.output
    loaded = segzoo.from_pretrained(model)
    expected = loaded.predict(loaded.preprocessing(Image.open(tmp_path / "a.png")), output="logits", batch=3, **options)
    np.testing.assert_allclose(np.load(tmp_path / "out" / "a.logits.npy"), expected.numpy(), atol=1e-5)


def test_several_devices_share_the_tiles(model, tmp_path):
    Image.fromarray(noise(150, 200)).save(tmp_path / "a.png")
    for folder, device in (("one", "cpu"), ("two", "cpu,cpu")):
        result = run(model, tmp_path / "a.png", "--output", tmp_path / folder, "--tile", 64, "--device", device)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "one" / "a.png").read_bytes() == (tmp_path / "two" / "a.png").read_bytes()


def test_json_tells_of_each_image_what_became_of_it(model, images, tmp_path):
    run(model, images / "a.png", "--output", tmp_path / "out")
    (images / "c.png").write_text("no picture")
    result = run(model, images, "--output", tmp_path / "out", "--json")
    assert result.exit_code == 1
    kept, done, broken = json.loads(result.stdout)
    assert kept == {"image": str(images / "a.png")}
    assert (done["image"], done["height"], done["width"]) == (str(images / "b.jpg"), 40, 50)
    assert sum(each["area"] for each in done["found"]) == 2000
    assert {each["class"] for each in done["found"]} <= set(NAMES)
    assert "can't be read" in broken["error"]


def test_a_broken_image_is_told_and_the_others_are_predicted(model, images, tmp_path):
    (images / "c.png").write_text("no picture")
    result = run(model, images, "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert f"Error: {images / 'c.png'} can't be read" in result.stderr
    assert result.stdout.splitlines()[-2:] == ["2 images", "1 left out"]


def test_what_is_there_already_is_told(model, images, tmp_path):
    run(model, images, "--output", tmp_path / "out")
    result = run(model, images, "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "2 from before"
    result = run(model, images, "--output", tmp_path / "out", "--tile", 512)
    assert "made with other settings (tile: 1024, now 512)" in result.stderr
    assert run(model, images, "--output", tmp_path / "out", "--tile", 512, "--force").exit_code == 0


def test_a_raster_s_map_and_polygons(model, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    pytest.importorskip("geopandas")
    image = as_tiff(tmp_path / "a.tif", noise(100, 120, 5))
    result = run(model, image, "--output", tmp_path / "out", "--bands", "3,2,1", "--polygons", "--tile", 64)
    assert result.exit_code == 0, result.output
    with rasterio.open(image) as given, rasterio.open(tmp_path / "out" / "a.tif") as file:
        assert file.transform == given.transform
    assert (tmp_path / "out" / "a.gpkg").exists()


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--threshold", 0.5], 2, "--threshold isn't for --task semantic"),
        (["--task", "panoptic", "--tile", 64], 2, "--tile isn't for --task panoptic"),
        (["--bands", "red"], 2, "--bands takes numbers such as 3,2,1, got 'red'"),
        (["--scales", "big"], 2, "--scales takes numbers such as 0.75,1,1.25"),
        (["--scales", "0"], 1, "expected scales above 0"),
        (["--bands", "0,1,2"], 1, "counted from 1"),
        (["--tile", 64, "--margin", 32], 1, "room inside its margins"),
        (["--device", "tpu9"], 1, "can't be put on 'tpu9'"),
        (["--engine", "ray", "--device", "cuda:0,cuda:1"], 2, "--device is cpu, or cuda for a GPU to each worker"),
        (["--save", "logits", "--polygons"], 1, "are of classes, not of logits"),
    ],
)
def test_options_that_cannot_be_are_told(model, images, tmp_path, options, code, told):
    result = run(model, images, "--output", tmp_path / "out", *options)
    assert result.exit_code == code
    assert told in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_whole_files_alone(model, tmp_path):
    for number in range(40):
        Image.fromarray(noise(120, 130 + number)).save(tmp_path / f"{number:02}.png")
    command = [sys.executable, "-m", "segzoo.cli", "predict", str(model), f"{tmp_path}/*.png", "--output", "out"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out = tmp_path / "out"
    while process.poll() is None and len(list(out.glob("??.png"))) < 3:
        pass
    process.kill()
    process.communicate()
    found = sorted(out.glob("??.png"))
    assert 3 <= len(found) < 40
    before = {each.name: each.stat().st_mtime_ns for each in found}
    for each in found:
        Image.open(each).load()
    result = run(model, f"{tmp_path}/*.png", "--output", out)
    assert result.exit_code == 0, result.output
    assert len(list(out.glob("??.png"))) == 40
    assert not list(out.glob(".*"))
    kept = [name for name, time in before.items() if (out / name).stat().st_mtime_ns == time]
    assert len(kept) >= len(found) - 1


@pytest.mark.slow
def test_an_exported_model_leaves_the_class_maps_of_the_model_itself(model, images, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    artefact = tmp_path / "model.onnx"
    segzoo.export(segzoo.from_pretrained(model), artefact)
    for given, output in ((model, "itself"), (artefact, "exported")):
        result = run(given, images, "--output", tmp_path / output, "--tile", 32, "--margin", 0, "--no-overlay")
        assert result.exit_code == 0, result.output
    itself, exported = (np.array(Image.open(tmp_path / each / "a.png")) for each in ("itself", "exported"))
    assert (itself == exported).mean() > 0.99


def test_an_exported_model_is_looked_at_as_it_was_exported(images, tmp_path):
    result = run(tmp_path / "model.onnx", images, "--flips", "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "as it was exported" in result.output
