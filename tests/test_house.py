"""The house: which room may import which, for the core and for each plugin that ships with it."""

import subprocess
from functools import cache
from pathlib import Path

import grimp
import pytest

import segzoo
from segzoo.host.registry import find_decoder

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(folder.parent.name for folder in ROOT.glob("plugins/*/__init__.py"))
PUBLIC = {"segzoo", "segzoo.data", "segzoo.nn", "segzoo.options", "segzoo.testing"}
PUBLIC |= {"segzoo.nn.resize"}  # a name and a file are called so


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("segzoo", *PLUGINS, exclude_type_checking_imports=True, cache_dir=None)


def test_the_rooms_of_the_core_stand_on_each_other_as_declared() -> None:
    done = subprocess.run(["lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_core_imports_no_plugin() -> None:
    core = {"segzoo", *graph().find_descendants("segzoo")}
    assert not {each for module in core for each in imported_by(module)} - core


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_imports_public_names_alone(plugin: str) -> None:
    own = {plugin, *graph().find_descendants(plugin)}
    assert {each for module in own for each in imported_by(module)} - own <= PUBLIC


@pytest.mark.parametrize("plugin", PLUGINS)
def test_no_two_files_of_a_plugin_import_each_other(plugin: str) -> None:
    assert not graph().nominate_cycle_breakers(plugin)


@pytest.mark.parametrize("decoder", segzoo.list_decoders("segzoo:*"))
def test_the_files_of_a_decoder_are_short_enough_to_read_as_a_figure(decoder: str) -> None:
    plugin = find_decoder(decoder).descriptor.target.partition(".")[0]
    assert max(len(file.read_text().splitlines()) for file in (ROOT / "plugins" / plugin).glob("*.py")) <= 150


def imported_by(module: str) -> set[str]:
    return graph().find_modules_directly_imported_by(module)
