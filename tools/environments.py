"""Virtual environments on top of the running one, each for one plugin."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import venv
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

KEPT = ("segzoo-torch", "torch", "torchvision", "timm")
"""What a plugin is checked with: the versions that the running environment has."""
INSTALLING = 1800.0
"""Seconds that pip may take, downloads included."""


class CheckError(Exception):
    """Something that a plugin did wrong, in one line."""


class Environment:
    """What the running environment has, and what is installed here.

    :param folder: where it is made.
    :param plugin: the distribution whose plugins are loaded there, besides those that ship with segzoo.
    :param patience: seconds that each command of segzoo may take.
    """

    def __init__(self, folder: Path, plugin: str, patience: float) -> None:
        self.folder, self.patience = folder, patience
        venv.create(folder, with_pip=False)
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        (site,) = folder.glob("Lib/site-packages" if os.name == "nt" else "lib/python3*/site-packages")
        # What stands in a .pth file comes after what is installed here.
        (site / "running.pth").write_text("\n".join(path for path in sys.path if path and Path(path).is_absolute()))
        self.constraints = folder / "constraints.txt"
        self.constraints.write_text("".join(f"{name}=={found}\n" for name, found in kept_versions().items()))
        cleared = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "SEGZOO_"))}
        self.environ = {**cleared, "SEGZOO_PLUGINS": plugin, "SEGZOO_DIRECTORY": "off", "PYTHONWARNINGS": "ignore"}

    def install(self, requirement: str, options: Iterable[str]) -> None:
        """Install by pip, beside the versions that are kept.

        :param options: of `pip install`.
        :raises CheckError: when pip can't.
        """
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check", "--quiet"]
        command = [*pip, "install", "--constraint", str(self.constraints), *options, requirement]
        status, _, said = self._run(command, INSTALLING)
        if status:
            raise CheckError(f"pip can't install it: {self.one_line(said)}")

    def segzoo(self, *arguments: str) -> Any:
        """What a command of segzoo says as JSON, whether it ends well or not.

        :raises CheckError: when it says none.
        """
        command = [str(self.python), "-m", "segzoo.cli", *arguments, "--json"]
        _, said, errors = self._run(command, self.patience)
        try:
            return json.loads(said)
        except ValueError:
            raise CheckError(f"segzoo {' '.join(arguments)}: {self.one_line(errors) or 'no answer'}") from None

    def one_line(self, text: str, letters: int = 300) -> str:
        """A text, of which the end matters most, fit for the directory."""
        text = text.replace(str(self.folder), "")
        return " ".join("".join(each if each.isprintable() else " " for each in text).split())[-letters:].strip()

    def _run(self, command: list[str], patience: float) -> tuple[int, str, str]:
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                said, errors = process.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                _end(process)
                what = " ".join(each for each in command[1:] if not each.startswith(("-", os.sep)))
                raise CheckError(f"no end within {patience:g} seconds: {what}") from None
        return process.returncode, said, errors


def kept_versions() -> dict[str, str]:
    """The versions of what is kept, as far as it is installed."""
    found = {}
    for name in KEPT:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and those that it started, which may hold its pipes open."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
