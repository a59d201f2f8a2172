"""What the README shows is what happens."""

import re
from pathlib import Path

import torch
from click.testing import CliRunner

import segzoo
from segzoo.cli import main

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_plan_is_the_one_that_the_command_prints():
    command, shown = re.search(r"```\n\$ segzoo ([^\n]*)\n(.*?)```", README, re.DOTALL).groups()
    printed = CliRunner().invoke(main, command.split()).output
    assert [line.rstrip() for line in printed.splitlines()] == [line.rstrip() for line in shown.splitlines()]


def test_the_decoder_works():
    (code,) = re.findall(r"```python\n(class Sum.*?)```", README, re.DOTALL)
    names = {"segzoo": segzoo, "nn": torch.nn}
    exec(code, names)
    model = segzoo.create_model("mit_b0", names["Sum"], classes=3)
    assert model(torch.rand(1, 3, 97, 131)).shape == (1, 3, 97, 131)


def test_every_model_that_is_shown_can_be_planned():
    calls = re.findall(r'create_model\(("[^"]+", "[^"]+"), ([^)]*)\)', README)
    assert len(calls) >= 4
    for names, options in calls:
        eval(f"segzoo.plan({names}, {options})", {"segzoo": segzoo})
