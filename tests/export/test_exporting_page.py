"""What the page on exporting shows works."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

import segzoo

PAGE = (Path(__file__).parents[2] / "docs" / "exporting.md").read_text()
(SNIPPET,) = re.findall(r"<!-- without segzoo -->\n```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_snippet_runs_an_artefact_without_segzoo(exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("roads.onnx").write_bytes(exported.path.read_bytes())
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)).save("street.png")
    exec(SNIPPET, {})
    with Image.open("classes.png") as classes:
        assert classes.size == (60, 50)


def test_the_page_s_segmenter_predicts(exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("roads.onnx").write_bytes(exported.path.read_bytes())
    names = {"segzoo": segzoo, "picture": np.zeros((50, 60, 3), np.uint8)}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], names)
    assert names["classes"].shape == (50, 60)


def test_the_snippet_has_15_lines():
    assert len([line for line in SNIPPET.splitlines() if line.strip()]) <= 15
    assert "import segzoo" not in SNIPPET
