import json
import os
import warnings

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import segzoo
from segzoo.cli import main
from segzoo.data import open_dataset, split
from segzoo.training.run import train
from segzoo.training.settings import Settings, write_settings


def run(*arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def write(folder, count, size=(32, 48)):
    chance = np.random.default_rng(0)
    for kind, shape in (("images", (*size, 3)), ("masks", size)):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            values = chance.integers(0, 256 if kind == "images" else 3, shape)
            Image.fromarray(values.astype(np.uint8)).save(folder / kind / f"{number:02}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write(folder, 10)
    (folder / "classes.txt").write_text("sky\nroad\ntree\n")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("run") / "model"
    created = segzoo.create_model("test_vit", "linear", classes=3)
    created.save_pretrained(folder, labels=segzoo.Labels(("sky", "road", "tree")))
    return folder


@pytest.fixture
def output(tmp_path):
    return tmp_path / "evaluation"


def names(output):
    return [each["name"] for each in json.loads((output / "evaluation.json").read_text())["images"]]


def test_a_table_is_printed_and_pictures_are_left(model, data, output):
    result = run(model, data, "--output", output)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["sky", "road", "tree"]
    assert lines[-1] == "2 images"
    assert sorted(os.listdir(output)) == ["confusion.png", "evaluation.json", "worst.png"]


def test_json_is_what_the_file_holds(model, data, output):
    result = run(model, data, "--output", output, "--worst", 0, "--json")
    assert json.loads(result.stdout) == json.loads((output / "evaluation.json").read_text())


def test_a_share_is_kept_where_the_data_isn_t_split(model, data, output):
    run(model, data, "--output", output, "--worst", 0)
    assert names(output) == split(open_dataset(data))["val"]


def test_the_share_of_the_model_s_own_run_is_what_it_hasn_t_learnt_from(model, data, output):
    settings = Settings.of(data=str(data), encoder="test_vit", decoder="linear", validation=0.4, seed=7)
    write_settings(settings, model.parent / "run.yaml")
    try:
        run(model, data, "--output", output, "--worst", 0)
        assert names(output) == split(open_dataset(data), 0.4, 7)["val"]
        run(model, data, "--output", output, "--worst", 0, "--seed", 1)
        assert names(output) == split(open_dataset(data), 0.4, 1)["val"]
    finally:
        (model.parent / "run.yaml").unlink()


def test_another_program_s_file_beside_the_model_is_left_alone(model, data, output):
    (model.parent / "run.yaml").write_text("jobs: [1, 2]\n")
    try:
        assert run(model, data, "--output", output, "--worst", 0).exit_code == 0
        assert names(output) == split(open_dataset(data))["val"]
    finally:
        (model.parent / "run.yaml").unlink()


def test_all_is_all(model, data, output):
    run(model, data, "--output", output, "--worst", 0, "--split", "all", "--flips", "--scales", "0.5,1")
    assert len(names(output)) == 10


def test_a_split_of_the_data_s_own_is_taken_as_it_is(model, tmp_path, output):
    for part, count in (("train", 3), ("test", 2)):
        write(tmp_path / "split" / part, count)
    (tmp_path / "split" / "classes.txt").write_text("sky\nroad\ntree\n")
    result = run(model, tmp_path / "split", "--output", output, "--worst", 0, "--split", "test")
    assert result.exit_code == 0, result.output
    assert names(output) == list(open_dataset(tmp_path / "split").splits()["test"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "tset"], "has no split 'tset'"),
        (["--scales", "1,x"], "takes numbers such as 0.75,1,1.25"),
        (["--scales", "0"], "expected scales above 0"),
        (["--tile", "1"], "room inside its margins"),
        (["--device", "gpu"], "can't be put on 'gpu'"),
        (["--head", "edge"], "has no head 'edge'"),
        (["--form", "foldr"], "folder"),
    ],
)
def test_what_can_t_be_is_said_in_one_line(model, data, output, arguments, message):
    result = run(model, data, "--output", output, "--workers", 0, *arguments)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert not (output / "evaluation.json").exists()


def test_other_classes_are_refused(model, tmp_path, output):
    write(tmp_path / "data", 4)
    (tmp_path / "data" / "classes.txt").write_text("sky\nroad\nhouse\n")
    result = run(model, tmp_path / "data", "--output", output)
    assert "the model alone has tree, the data alone house" in result.stderr


def test_a_broken_file_is_skipped_if_asked(model, tmp_path, output):
    write(tmp_path / "data", 4)
    (tmp_path / "data" / "classes.txt").write_text("sky\nroad\ntree\n")
    (tmp_path / "data" / "images" / "01.png").write_bytes(b"no picture")
    arguments = (model, tmp_path / "data", "--output", output, "--split", "all", "--workers", 0)
    assert "01.png" in run(*arguments).stderr
    assert not output.joinpath("evaluation.json").exists()
    result = run(*arguments, "--skip-broken")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "3 images, 1 skipped"


@pytest.mark.slow  # it trains
def test_a_run_s_own_scores_are_found_again(data, tmp_path, output):
    settings = Settings.of(
        data=str(data), encoder="test_vit", decoder="linear", steps=4, batch_size=2, pretrained=False, validation=0.3,
        seed=3, workers=0, accelerator="cpu",
    )  # fmt: skip
    trained = train(settings, tmp_path / "run", quiet=True)
    result = run(trained.folder, data, "--output", output, "--worst", 0, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["confusion"] == trained.scores.confusion.tolist()
