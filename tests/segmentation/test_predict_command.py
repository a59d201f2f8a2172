import json
from typing import get_args

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from querying import querying

import segzoo
from segzoo.cli import main
from segzoo.cli.predict import TASKS
from segzoo.decoder import Task

NAMES = ("road", "sky", "person", "car")


def run(*arguments):
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name, mode in (("1.png", "RGB"), ("two.jpg", "L")):
        pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / name)
    return folder


@pytest.fixture
def model(monkeypatch):
    made = querying()
    made.labels = {"logits": segzoo.Labels(NAMES, things=(2, 3))}
    monkeypatch.setattr(segzoo, "from_pretrained", lambda name: made)
    return made


def test_tasks_are_those_of_decoders():
    assert get_args(Task) == TASKS


@pytest.mark.parametrize(
    ("task", "files"),
    [
        ("instance", ["1.overlay.png", "instances.json", "two.overlay.png"]),
        ("panoptic", ["1.overlay.png", "1.png", "panoptic.json", "two.overlay.png", "two.png"]),
    ],
)
def test_a_folder_of_images_is_segmented(model, images, tmp_path, task, files):
    result = run("m", images, "--task", task, "--output", tmp_path / "out", "--threshold", 0.1)
    assert result.exit_code == 0, result.output
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == files
    assert result.stdout.splitlines()[-1] == "2 images"
    assert "40x50" in result.stdout


def test_json_tells_what_was_found(model, images, tmp_path):
    result = run("m", images / "1.png", "--task", "instance", "--output", tmp_path / "out", "--threshold", 0, "--json")
    (row,) = json.loads(result.stdout)
    picture = model.preprocessing(Image.open(images / "1.png"))
    found = model.segment(picture, "instance", threshold=0)
    assert [each["class"] for each in row["found"]] == [NAMES[label] for label in found.labels.tolist()]
    assert [each["score"] for each in row["found"]] == found.scores.tolist()
    assert (row["height"], row["width"]) == (40, 50)


def test_things_by_name_and_number(model, images, tmp_path):
    arguments = ["m", images / "1.png", "--task", "instance", "--output", tmp_path / "out", "--threshold", 0, "--json"]
    (row,) = json.loads(run(*arguments, "--things", "road, 1").stdout)
    assert {each["class"] for each in row["found"]} == {"road", "sky"}
    assert "there is no class 'cat'; the model has road, sky" in run(*arguments, "--things", "cat").stderr
    assert "got the things [9]" in run(*arguments, "--things", "9").stderr


def test_top_is_the_most_objects(model, images, tmp_path):
    arguments = ["m", images / "1.png", "--task", "instance", "--output", tmp_path / "out", "--threshold", 0, "--json"]
    (row,) = json.loads(run(*arguments, "--top", 2).stdout)
    assert len(row["found"]) == 2


def test_a_saved_model_without_queries_gives_its_classes(images, tmp_path):
    torch.manual_seed(0)
    made = segzoo.create_model("test_resnet", "fpn", classes=4, decoder_options={"width": 32}).eval()
    made.save_pretrained(tmp_path / "model", labels=segzoo.Labels(NAMES))
    result = run(tmp_path / "model", images / "1.png", "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    expected = made.predict(made.preprocessing(Image.open(images / "1.png")))
    assert (np.array(Image.open(tmp_path / "out" / "1.png")) == expected.numpy()).all()
    refused = run(tmp_path / "model", images / "1.png", "--output", tmp_path / "out", "--task", "panoptic")
    assert refused.exit_code == 1
    assert "fpn answers semantic segmentation, and the task 'panoptic' needs a decoder" in refused.stderr


def test_a_map_of_one_class_says_where_it_is(images, tmp_path, monkeypatch):
    made = segzoo.create_model("test_resnet", "fpn", classes=1, decoder_options={"width": 32}).eval()
    made.labels = {"logits": segzoo.Labels(("road",))}
    monkeypatch.setattr(segzoo, "from_pretrained", lambda name: made)
    (row,) = json.loads(run("m", images / "1.png", "--output", tmp_path / "out", "--json").stdout)
    assert {each["class"] for each in row["found"]} <= {"nothing", "road"}


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        (["missing.png"], "there is no file"),
        (["empty"], "there are no images in"),
        (["text.png"], "text.png can't be read"),
        (["images/1.png", "images/1.jpg"], "2 images are called '1'"),
        (["bands.npy"], "bands.npy: expected a picture of 3 channels"),
    ],
)
def test_what_can_not_be_segmented_is_told_by_name(model, images, tmp_path, monkeypatch, paths, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    np.save(tmp_path / "bands.npy", np.zeros((8, 8, 5), np.uint8))
    result = run("m", *paths, "--task", "instance")
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_image_is_not_replaced_by_what_is_found_in_it(model, images):
    before = (images / "1.png").read_bytes()
    result = run("m", images, "--output", images, "--task", "panoptic")
    assert "is an image that would be overwritten" in result.stderr
    assert (images / "1.png").read_bytes() == before


@pytest.mark.parametrize(("option", "value"), [("--threshold", 2), ("--overlap", -1), ("--top", 0), ("--device", "x")])
def test_a_value_out_of_range_is_an_error(model, images, tmp_path, option, value):
    result = run("m", images, "--output", tmp_path / "out", "--task", "panoptic", option, value)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
