"""The site, built once for all processes that test it."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the site; a warning in its making is an error."""
    temporary = tmp_path_factory.getbasetemp()
    if temporary.name.startswith("popen-"):  # a process of pytest-xdist, whose parent folder they share
        temporary = temporary.parent
    folder = temporary / "site"
    with FileLock(temporary / "site.lock"):
        if not (folder / "built").exists():
            command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs/site", ".", folder]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            (folder / "built").touch()
    return folder
