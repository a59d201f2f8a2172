"""What the pages about data and training show works as they show it."""

import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

import segzoo
from segzoo.cli import main

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("data", "finetuning", "training", "start", "sharing", "migrating_from_mmsegmentation")
SNIPPETS = re.findall(r"```python\n(.*?)```", (DOCS / "data.md").read_text(), re.DOTALL)


def commands():
    """The lines of shell blocks that call segzoo, continued lines joined."""
    for page in (*(DOCS / f"{name}.md" for name in PAGES), DOCS.parent / "README.md"):
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if found := re.search(r"(?:^|srun )segzoo (.*)|segzoo\.cli (.*)", line):
                    yield (found[1] or found[2]).partition(" #")[0].strip()


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_each_option_of_a_command_that_is_shown_exists(line):
    name, *arguments = shlex.split(line)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    if isinstance(command, click.Group):
        command = command.commands.get(arguments[0], command.commands.get("check"))
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    assert {each.partition("=")[0] for each in arguments if each.startswith("--")} <= known


@pytest.fixture
def roads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("images", "masks"):
        (tmp_path / "roads" / kind).mkdir(parents=True)
        for stem in "abc":
            Image.fromarray(np.tile(np.arange(32, dtype=np.uint8) % 2, (32, 1))).convert(
                "RGB" if kind == "images" else "L"
            ).save(tmp_path / "roads" / kind / f"{stem}.png")
    return tmp_path


def test_the_snippet_about_data_runs(roads):
    names = {}
    exec(SNIPPETS[0], names)
    image, mask = names["train"][0]
    assert (tuple(image.shape), tuple(mask.shape)) == ((3, 32, 32), (32, 32))


def test_the_dataset_of_ones_own_reads(tmp_path):
    names = {}
    exec(SNIPPETS[1], names)
    np.save(tmp_path / "a.image.npy", np.zeros((4, 4, 3), np.uint8))
    np.save(tmp_path / "a.mask.npy", np.array([[0, 1], [1, 255]], np.uint8).repeat(2, 0).repeat(2, 1))
    dataset = names["Pairs"](tmp_path)
    assert names["Pairs"].recognise(tmp_path)
    assert sorted(set(dataset.read("a").mask.ravel().tolist())) == [segzoo.IGNORE, 0, 1]


def test_the_hook_of_the_page_describes_it():
    names = {}
    exec(SNIPPETS[1], names)
    (spec,) = names["segzoo_datasets"]()
    assert (spec.kind, spec.name) == ("dataset", "pairs")
