"""The demo as a whole: what it leaves behind, and what it refuses before any training."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import segzoo
from segzoo import demo
from segzoo.cli.demo import demo as command
from segzoo.demo import DEFAULT_PAIRS, PairName, budget, extras, run
from segzoo.demo.photograph import read_photo
from segzoo.demo.scenes import CLASSES

SMALL = "test_vit+segformer"


@pytest.fixture(scope="module", autouse=True)
def few_scenes_to_score():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "HELD_OUT", 16)
        yield


@pytest.fixture
def no_training(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("training began before the error")

    monkeypatch.setattr(demo, "train", refuse)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    photo = folder / "mine.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (97, 131, 3), np.uint8)).save(photo)
    output = folder / "new" / "report"
    result = CliRunner().invoke(
        command, ["--pair", SMALL, "--steps", "5", "--output", str(output), "--image", str(photo), "--json"]
    )
    assert result.exit_code == 0, result.output
    return output, result


@pytest.mark.slow
def test_a_run_leaves_these_files_and_no_others(report):
    output, _ = report
    assert sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()) == [
        "comparison.png",
        *(f"models/{SMALL}/{name}" for name in ("README.md", "config.json", "model.safetensors")),
        "photo.png",
        f"plans/{SMALL}.json",
        f"plans/{SMALL}.txt",
        "results.json",
    ]


@pytest.mark.slow
def test_results_are_json_with_every_class(report):
    output, result = report
    results = json.loads((output / "results.json").read_text())
    (row,) = results["results"]
    assert row["pair"] == SMALL
    assert row["parameters"] > 0
    assert row["seconds"] > 0
    assert 0 < row["miou"] < 1
    assert list(row["iou"]) == list(CLASSES) == results["classes"]
    assert results["settings"]["steps"] == 5
    assert json.loads(result.stdout) == results["results"]


@pytest.mark.slow
def test_the_plans_are_the_models(report):
    output, _ = report
    plan = segzoo.plan(*PairName.parse(SMALL), classes=len(CLASSES))
    assert json.loads((output / "plans" / f"{SMALL}.json").read_text()) == json.loads(json.dumps(plan.to_dict()))
    assert (output / "plans" / f"{SMALL}.txt").read_text() == f"{plan}\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["comparison.png", "photo.png"])
def test_the_pictures_are_pictures(report, name):
    picture = read_photo(report[0] / name)
    assert min(picture.shape[:2]) > 400
    assert picture.std() > 10


@pytest.mark.slow
def test_runs_of_one_seed_agree_and_leave_the_random_numbers_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, other = (run([PairName.parse(SMALL)], steps=2, output=tmp_path, quiet=True)[0].miou for _ in range(2))
    assert one == pytest.approx(other, abs=1e-3)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.slow
def test_the_models_are_folders_that_load(report):
    output, _ = report
    model = segzoo.from_pretrained(output / "models" / SMALL)
    assert model.labels["logits"].names == CLASSES


def test_trainings_share_the_time_that_is_left(monkeypatch):
    seconds = iter([0, 60, 240, 6000])
    monkeypatch.setattr(budget, "monotonic", lambda: next(seconds))
    shared = budget.Budget(10)
    assert [shared.share(3), shared.share(2), shared.share(1)] == [3, 3, budget.LEAST]


def test_without_a_limit_there_is_no_share():
    assert budget.Budget(None).share(3) is None


@pytest.mark.slow
def test_less_time_is_fewer_steps_and_a_whole_run(tmp_path):
    (trained,) = run([PairName.parse(SMALL)], steps=10_000, minutes=0.02, output=tmp_path, quiet=True)
    assert 0 < trained.miou < 1


@pytest.mark.slow
def test_the_table_names_the_pair_and_one_named_twice_is_trained_once(tmp_path):
    result = CliRunner().invoke(command, ["--pair", SMALL, "--pair", SMALL, "--steps", "1", "--output", str(tmp_path)])
    assert result.stdout.splitlines()[0].split() == ["pair", "parameters", "seconds", "mIoU"]
    assert result.stdout.count(SMALL) == 1
    assert "model 1 of 1" in result.stderr


@pytest.mark.parametrize("text", ["resnet18", "resnet18+", "+unet", ""])
def test_a_pair_needs_both_names(text):
    with pytest.raises(segzoo.OptionError, match=r"expected ENCODER\+DECODER"):
        PairName.parse(text)


def test_a_pattern_stands_for_every_name_that_matches():
    assert PairName.matching("resnet18+*") == [PairName("resnet18", decoder) for decoder in segzoo.list_decoders()]
    assert PairName.matching("mit_b[01]+fpn") == [PairName("mit_b0", "fpn"), PairName("mit_b1", "fpn")]


def test_a_pattern_that_matches_nothing_is_refused():
    with pytest.raises(segzoo.UnknownNameError, match=r"no decoder matches 'zzz\*'"):
        PairName.matching("resnet18+zzz*")


@pytest.mark.usefixtures("no_training")
class TestBeforeAnyTraining:
    def test_an_unknown_encoder_is_refused(self, tmp_path):
        with pytest.raises(segzoo.UnknownNameError, match="resnet18"):
            run([*DEFAULT_PAIRS, PairName("resnet8", "unet")], output=tmp_path)

    def test_an_unknown_decoder_is_refused(self, tmp_path):
        with pytest.raises(segzoo.UnknownNameError, match="unet"):
            run([*DEFAULT_PAIRS, PairName("resnet18", "unett")], output=tmp_path)

    @pytest.mark.parametrize("content", [None, b"no picture"])
    def test_an_unreadable_photograph_is_refused(self, tmp_path, content):
        path = tmp_path / "photo.jpg"
        if content:
            path.write_bytes(content)
        with pytest.raises(segzoo.InputError, match=r"photo\.jpg"):
            run(image=path, output=tmp_path)

    def test_an_output_that_is_a_file_is_refused(self, tmp_path):
        path = tmp_path / "report"
        path.write_text("mine")
        with pytest.raises(segzoo.OptionError, match="report"):
            run(output=path)
        assert path.read_text() == "mine"

    @pytest.mark.parametrize("options", [{"steps": 0}, {"minutes": 0}, {"seed": -1}, {"pairs": ()}])
    def test_numbers_out_of_range_are_refused(self, tmp_path, options):
        with pytest.raises(segzoo.OptionError, match="got"):
            run(output=tmp_path, **options)

    @pytest.mark.parametrize("module", ["sklearn", "matplotlib", "lightning", "torchmetrics"])
    def test_a_missing_extra_is_named(self, tmp_path, monkeypatch, module):
        find_spec = extras.find_spec
        monkeypatch.setattr(extras, "find_spec", lambda name: None if name == module else find_spec(name))
        with pytest.raises(segzoo.SegzooError, match=r'pip install "segzoo-torch\[demo\]"'):
            run(output=tmp_path)
