"""Other libraries as peers, whose pins clash with ours: they are installed without dependencies, into folders of their
own, which only the tests that ask for them see."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def install(distributions: Sequence[str], folder: Path, variable: str) -> None:
    """Have distributions to import, without what they depend on.

    :param folder: to install into.
    :param variable: of the environment: it names a folder that has them already, and nothing is installed.
    """
    ready = os.environ.get(variable)
    if not ready:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*command, *distributions], check=True)
    sys.path.append(ready or str(folder))
