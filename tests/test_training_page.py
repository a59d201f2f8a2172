"""What the page on training and inference shows works."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "training.md").read_text()
LOOPS = {"A loop of your own", "With Accelerate", "With the Trainer of transformers"}
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


def code_of(section):
    return "\n".join(re.findall(r"```python\n(.*?)```", SECTIONS[section], re.DOTALL))


def run(code):
    names = {}
    exec(code, names)
    return names


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_loop_trains_and_saves(tmp_path):
    names = run(code_of("A loop of your own"))
    assert names["rates"].last_epoch == names["epochs"] * len(names["train"])
    assert names["rates"].get_last_lr()[0] == 0
    assert (tmp_path / "digits" / "model.safetensors").exists()


def test_the_loop_has_25_lines():
    assert len([line for line in code_of("A loop of your own").splitlines() if line.strip()]) <= 25


def test_the_loop_of_accelerate_trains_and_scores():
    names = run(code_of("With Accelerate"))
    assert names["rates"].get_last_lr()[0] == 0
    assert names["objective"].scores().pixels == 8 * 64 * 64


@pytest.mark.slow
def test_the_trainer_of_transformers_trains_and_scores():
    names = run(code_of("With the Trainer of transformers"))
    assert names["trainer"].state.global_step == 2
    assert 0 <= names["results"]["eval_miou"] <= 1


def test_the_other_code_runs_from_top_to_bottom():
    names = run("\n".join(code_of(section) for section in SECTIONS if section not in LOOPS))
    assert names["loss"].ndim == 0
    assert names["classes"].shape == names["target"].shape
