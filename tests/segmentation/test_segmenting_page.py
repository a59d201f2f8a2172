"""What the page on classes, objects and segments shows is what happens."""

import re
from pathlib import Path

import torch
from querying import querying

import segzoo

PAGE = (Path(__file__).parents[2] / "docs" / "segmenting.md").read_text()


def test_the_code_runs():
    names = {"segzoo": segzoo, "model": querying(), "picture": torch.rand(3, 40, 50)}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(block, names)
    assert isinstance(names["objects"], segzoo.Instances)
    assert isinstance(names["segments"], segzoo.Panoptic)
