"""Whose objects are told apart: saved, told, and held against the classes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from published import edit, small_model

import segzoo
from segzoo.cli import main

NAMES = ("road", "sky", "car")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_model().save_pretrained(tmp_path, labels=segzoo.Labels(NAMES, things=(2,)))
    return tmp_path


def test_things_come_back(folder: Path) -> None:
    assert segzoo.from_pretrained(folder).labels["logits"].things == (2,)


def test_things_come_back_without_names(tmp_path: Path) -> None:
    small_model().save_pretrained(tmp_path, labels=segzoo.Labels(things=()))
    assert segzoo.from_pretrained(tmp_path).labels["logits"].things == ()


def test_a_folder_that_says_nothing_of_things_is_read(folder: Path) -> None:
    edit(folder, lambda content: content["heads"]["logits"].pop("things"))
    assert segzoo.from_pretrained(folder).labels["logits"] == segzoo.Labels(NAMES)


def test_the_card_and_show_tell_them(folder: Path) -> None:
    assert "Of logits the objects of these are told apart: car." in (folder / "README.md").read_text()
    assert "logits: objects told apart of: car" in CliRunner().invoke(main, ["show", str(folder)]).stdout


def test_show_as_json_has_them(folder: Path) -> None:
    shown = json.loads(CliRunner().invoke(main, ["show", str(folder), "--json"]).stdout)
    assert shown["heads"]["logits"]["things"] == [2]


def test_things_beyond_the_classes_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(segzoo.OptionError, match=r"3 classes, 0 to 2, and got the things \[3\]"):
        small_model().save_pretrained(tmp_path / "other", labels=segzoo.Labels(things=(3,)))
    edit(folder, lambda content: content["heads"]["logits"].update(things=[0, 7]))
    with pytest.raises(segzoo.SegzooError, match=r"things \[7\]"):
        segzoo.from_pretrained(folder)


@pytest.mark.parametrize("things", [("car",), (1.0,), (True,), (-1,), 3.5, "car", (1, "car")])
def test_things_are_numbers(things: object) -> None:
    with pytest.raises(segzoo.OptionError, match="things are numbers of classes"):
        segzoo.Labels(NAMES, things=things)  # type: ignore[arg-type]


def test_things_are_in_order_and_once() -> None:
    assert segzoo.Labels(NAMES, things=(2, 0, 2)).things == (0, 2)
