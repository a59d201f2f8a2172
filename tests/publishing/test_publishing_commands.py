import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from published import edit

from segzoo.cli import main

RUN = "import segzoo.cli, sys; segzoo.cli.main(['show', {folder!r}], standalone_mode=False); {check}"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_show_tells_what_a_model_is_and_needs(pristine: Path) -> None:
    result = run("show", pristine)
    assert result.exit_code == 0, result.output
    for told in (
        "logits: 3 classes: road, sky, tree",
        "segzoo:timm/test_resnet -> segzoo:segformer",
        "mean 0.5, 0.5, 0.5",
        "stride",
        "installed",
    ):
        assert told in result.stdout


def test_show_as_json(pristine: Path) -> None:
    shown = json.loads(run("show", pristine, "--json").stdout)
    assert [(need["kind"], need["id"]) for need in shown["needs"]] == [
        ("encoder", "segzoo:timm/test_resnet"),
        ("decoder", "segzoo:segformer"),
    ]
    assert shown["heads"]["logits"]["names"] == ["road", "sky", "tree"]


def test_show_tells_what_is_missing(folder: Path) -> None:
    def change(content: dict[str, dict[str, dict[str, str]]]) -> None:
        content["plan"]["decoder"] |= {"id": "segzoo-ocr:ocr", "distribution": "segzoo-ocr", "version": "1.2"}
        content["arguments"]["decoder"] = "segzoo-ocr:ocr"  # type: ignore[assignment]

    edit(folder, change)
    result = run("show", folder)
    assert result.exit_code == 0, result.output
    assert "pip install segzoo-ocr==1.2 (this is the file's own claim" in result.stdout


def test_show_imports_no_torch(pristine: Path) -> None:
    code = RUN.format(folder=str(pristine), check="assert 'torch' not in sys.modules")
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("command", ["show", "verify", "push"])
def test_a_folder_that_is_missing_is_told_so(command: str, tmp_path: Path) -> None:
    result = run(command, tmp_path / "missing", *(["user/name"] if command == "push" else []))
    assert result.exit_code == 1
    assert "there is nothing at" in result.stderr


@pytest.mark.parametrize("command", ["show", "verify"])
def test_a_folder_that_is_not_segzoos_is_an_error(command: str, tmp_path: Path) -> None:
    result = run(command, tmp_path)
    assert result.exit_code == 1
    assert "config.json" in result.stderr


def test_verify_of_what_computes_the_same(pristine: Path) -> None:
    result = run("verify", pristine)
    assert (result.exit_code, result.stdout) == (0, "the same as where it was saved\n")


def test_verify_of_what_computes_something_else(folder: Path) -> None:
    def change(content: dict[str, dict[str, dict[str, float]]]) -> None:
        content["behaviour"]["logits"]["mean"] += 1
        content["versions"]["segzoo-torch"] = "0.0.1"  # type: ignore[assignment]

    edit(folder, change)
    result = run("verify", folder)
    assert result.exit_code == 1
    assert "logits" in result.stdout
    assert "mean" in result.stdout
    assert "segzoo-torch 0.0.1 then" in result.stdout
    shown = json.loads(run("verify", folder, "--json").stdout)
    assert not shown["same"]
    assert [each["what"] for each in shown["differences"]] == ["mean"]
    assert len(shown["versions"]) == 1
