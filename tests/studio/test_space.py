"""The files of a hosted demo."""

import ast
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from small_models import save_model

import segzoo
from segzoo.cli import main
from segzoo.publishing import hub
from segzoo.studio import export_space
from segzoo.studio.settings import Settings


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="module")
def space(saved, tmp_path_factory):
    return export_space(tmp_path_factory.mktemp("spaces") / "demo", saved)


def header(space):
    _, text, _ = (space / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(text)


def test_the_space_has_all_that_it_needs(space):
    files = {str(file.relative_to(space)) for file in space.rglob("*") if file.is_file()}
    model = {"model/config.json", "model/model.safetensors", "model/README.md"}
    assert files == {"app.py", "requirements.txt", "README.md"} | model


def test_the_copied_model_loads(space):
    assert segzoo.from_pretrained(space / "model").plan.decoder.id == "segzoo:fpn"


def test_the_header_says_what_the_hub_asks_for(space):
    assert header(space).items() >= {"sdk": "gradio", "sdk_version": version("gradio"), "app_file": "app.py"}.items()


def test_what_is_installed_is_this_segzoo_with_its_extra(space):
    assert f"segzoo-torch[studio]=={segzoo.__version__}" in (space / "requirements.txt").read_text().splitlines()


def test_the_app_opens_a_closed_studio_of_that_model(space, monkeypatch):
    opened = []
    monkeypatch.setattr(segzoo.studio, "launch", opened.append, raising=False)
    exec(compile(ast.parse((space / "app.py").read_text()), "app.py", "exec"), {})
    assert opened == [Settings(models=("model",), tabs=("try",), closed=True)]


def test_a_model_of_the_hub_is_named_rather_than_copied(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "download", lambda repo_id: Path(saved))
    space = export_space(tmp_path / "demo", "user/roads")
    assert not (space / "model").exists()
    assert header(space)["models"] == ["user/roads"]
    assert "'user/roads'" in (space / "app.py").read_text()


def test_a_folder_that_exists_is_left_as_it_is(saved, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(segzoo.OptionError, match="exists already"):
        export_space(tmp_path, saved)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("model", ["empty", "broken"])
def test_nothing_is_written_for_a_model_that_is_none(tmp_path, model):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"library_name": "segzoo"}')
    with pytest.raises(segzoo.CheckpointError):
        export_space(tmp_path / "demo", tmp_path / model)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["broken", "empty"]


def test_the_command_writes_it(saved, tmp_path):
    done = CliRunner().invoke(main, ["studio", "--export-space", str(tmp_path / "demo"), saved])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "demo" / "app.py").is_file()


def test_the_command_writes_a_demo_of_one_model_alone(saved, tmp_path):
    done = CliRunner().invoke(main, ["studio", "--export-space", str(tmp_path / "demo"), saved, saved])
    assert done.exit_code == 2
    assert "of one MODEL, got 2" in done.output


def test_without_gradio_the_command_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    done = CliRunner().invoke(main, ["studio", "--no-browser"])
    assert done.exit_code == 1
    assert 'pip install "segzoo-torch[studio]"' in done.output
