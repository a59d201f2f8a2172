"""A run's settings: checked, written and read."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import small_settings

from segzoo.errors import OptionError
from segzoo.training import Settings, read_settings, write_settings


def test_what_is_written_is_read(tmp_path: Path) -> None:
    settings = small_settings(
        Path("Straßen"), crop=(64, 96), loss={"ce": 1.0, "dice": 0.5}, class_weights=[1, 2.5],
        model_options={"decoder_options": {"width": 32}}, scale=(0.75, 1.5), loggers=["tensorboard"],
    )  # fmt: skip
    write_settings(settings, tmp_path / "run.yaml")
    assert read_settings(tmp_path / "run.yaml") == settings


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"batch_sise": 8}, "batch_sise"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"schedule": "linear"}, "schedule"),
        ({"steps": 3, "epochs": 2}, "steps or epochs"),
        ({"batch_size": 8, "accumulate": 3}, "accumulate=3"),
        ({"crop": (32,)}, "crop"),
        ({"scale": (2.0, 0.5)}, "scale"),
        ({"validation": 0}, "validation"),
        ({"average": 1.5}, "average"),
    ],
)
def test_a_setting_that_cannot_be_is_named(given: dict[str, object], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        Settings.of(**{"data": "d", "encoder": "resnet18", "decoder": "unet", **given})


def test_what_is_missing_is_named() -> None:
    with pytest.raises(OptionError, match=r"encoder.*decoder"):
        Settings.of(data="d")


@pytest.mark.parametrize("text", ["just words", "a: [", "- 1\n- 2", ""])
def test_a_file_without_settings_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(OptionError, match=r"run\.yaml"):
        read_settings(tmp_path / "run.yaml")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"run\.yaml"):
        read_settings(tmp_path / "run.yaml")
