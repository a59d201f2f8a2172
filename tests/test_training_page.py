"""What the page on training and inference shows works."""

import re
from pathlib import Path

PAGE = (Path(__file__).parent.parent / "docs" / "training.md").read_text()


def test_its_code_runs_from_top_to_bottom():
    names = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, names)
    assert names["loss"].ndim == 0
    assert names["classes"].shape == names["target"].shape
