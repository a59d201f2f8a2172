"""The tutorial does what it says: its files are written, installed, tested, checked and used, in its own order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from segzoo.template import write_plugin

DOCS = Path(__file__).parent.parent / "docs"
DECODER, TESTS, _EXPECTED_FAILURE, USE = re.findall(
    r"```python\n(.*?)```", (DOCS / "tutorial.md").read_text(), re.DOTALL
)
SEGZOO = [sys.executable, "-c", "from segzoo.cli import main; main()"]


def run(*command, cwd):
    environ = {**os.environ, "PYTHONPATH": str(cwd)}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Where the tutorial's plugin is installed; its tests stand there too."""
    folder = write_plugin("decoder", "gated", tmp_path_factory.mktemp("tutorial") / "segzoo-gated", "Ada Lovelace")
    (folder / "src" / "segzoo_gated" / "decoder.py").write_text(DECODER)
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--target", site, folder], check=True)
    (site / "test_gated.py").write_text(TESTS)
    return site


@pytest.mark.slow
def test_the_plugin_is_found(site):
    assert "GatedDecoder" in run(*SEGZOO, "plugins", "show", "gated", cwd=site)
    assert "segzoo-gated:gated" in run(*SEGZOO, "plan", "resnet18", "gated", cwd=site)


@pytest.mark.slow
def test_its_tests_pass(site):
    assert "passed" in run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_gated.py", cwd=site)


@pytest.mark.slow
def test_it_keeps_its_promises(site):
    assert run(*SEGZOO, "check", "gated", cwd=site)


@pytest.mark.slow
def test_it_is_used_as_shown(site):
    assert "segzoo-gated:gated" in run(sys.executable, "-c", USE, cwd=site)
