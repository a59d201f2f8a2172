"""The script of docs/compat.md: it trains with SMP, and with one import changed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "compat.md"
IMPORT = "import segmentation_models_pytorch as smp"


def script():
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return block


def test_the_page_shows_the_import_that_changes():
    assert f"-{IMPORT}\n+import segzoo.compat.smp as smp" in PAGE.read_text()
    assert IMPORT in script()


@pytest.mark.slow
@pytest.mark.parametrize("line", [IMPORT, "import segzoo.compat.smp as smp"])
def test_the_script_learns_with_either_import(line, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script().replace(IMPORT, line)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.rpartition("IoU ")[2]) > 0.8
