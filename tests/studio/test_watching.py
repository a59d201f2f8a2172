"""Watching a training run, without a page."""

import shutil

import pytest
from PIL import Image

import segzoo
from segzoo.studio.watching import watch
from segzoo.training import Settings, write_settings

ROWS = "step,loss,miou\n10,1.5,0.2\n20,1.25,0.4\n"


@pytest.fixture
def run(tmp_path):
    """The folder of a run that has just begun."""
    write_settings(Settings.of(data="/data/roads", encoder="resnet18", decoder="unet"), tmp_path / "run.yaml")
    return tmp_path


def validate(run, rows=ROWS):
    (run / "metrics.csv").write_text(rows)
    (run / "pictures").mkdir(exist_ok=True)
    for name in ("curve.png", "pictures/000010.png", "pictures/000020.png"):
        Image.new("RGB", (8, 8)).save(run / name)


def test_a_run_that_has_just_begun_has_nothing_to_show(run):
    watched = watch(str(run))
    assert (watched.history, watched.curve, watched.picture, watched.finished) == ((), None, None, False)
    assert "resnet18 + unet on roads: begun" in watched.state


def test_the_last_validation_is_shown(run):
    validate(run)
    watched = watch(str(run))
    assert watched.history[-1]["miou"] == "0.4"
    assert watched.picture == run / "pictures" / "000020.png"
    assert watched.state.endswith("after step 20")


def test_a_finished_run_says_where_its_model_is(run):
    validate(run)
    (run / "model").mkdir()
    (run / "model" / "config.json").touch()
    assert str(run / "model") in watch(str(run)).state


def test_times_change_with_each_validation_alone(run):
    before = watch(str(run)).times
    assert watch(str(run)).times == before
    validate(run)
    assert watch(str(run)).times != before


@pytest.mark.parametrize("folder", ["", "  ", "nowhere", "\0", "x" * 5000])
def test_a_folder_without_a_run_is_refused(folder):
    with pytest.raises(segzoo.OptionError, match="holds no run"):
        watch(folder)


def test_a_run_that_is_taken_away_is_refused(run):
    shutil.rmtree(run)
    with pytest.raises(segzoo.OptionError, match="holds no run"):
        watch(str(run))
