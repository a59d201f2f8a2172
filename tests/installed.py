"""Wheels, and environments outside the checkout that they are installed into."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent


class Environment:
    """A virtual environment outside the checkout: what the running one has, segzoo excepted, and what is installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder, with_pip=False)
        self.python = folder / "bin" / "python"
        # A path in a .pth file comes after the environment's own packages, and the .pth files there are not read: the
        # editable segzoo of the running environment stays out.
        here = sysconfig.get_paths()
        (site,) = (folder / "lib").glob("python3*/site-packages")
        (site / "running.pth").write_text(f"{here['purelib']}\n{here['platlib']}\n")

    def install(self, wheel: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--python", self.python, "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", "--no-deps", "--ignore-installed", wheel], check=True)

    def run(self, *command: object, cwd: Path) -> str:
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
        done = subprocess.run([*map(str, command)], cwd=cwd, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


def build(project: Path, folder: Path) -> Path:
    """The wheel of a project."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, project], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel
