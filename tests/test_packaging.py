"""What a wheel gives to an environment that has never seen the checkout."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIGHT = ["click", "pluggy", "tabulate", "tqdm", "lazy_loader"]  # all that `segzoo plugins` needs: no torch


def plugins_of(python, folder):
    command = [python, "-c", "from segzoo.cli import main; main()", "plugins", "--json"]
    rows = json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)
    return [{key: row[key] for key in ("name", "version", "status", "provides", "error")} for row in rows]


@pytest.mark.slow
def test_a_wheel_gives_the_same_plugins_as_the_editable_install(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("segzoo_torch-*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *LIGHT], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True)
    installed = plugins_of(python, tmp_path)
    assert installed == plugins_of(sys.executable, tmp_path)
    assert {row["status"] for row in installed} == {"ready"}
