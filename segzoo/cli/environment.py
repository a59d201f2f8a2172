"""The Python environment at hand: which tool installs into it, and with which command.

Nothing here imports a plugin, so that one that is broken can be uninstalled.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import click
from packaging.requirements import Requirement

from segzoo.distributions import SHIPPED
from segzoo.errors import PluginError

Tool = Literal["pip", "uv", "conda"]


def tool() -> Tool:
    """What installs into this environment: what installed segzoo, as far as that can be told.

    In a conda environment conda has the word where segzoo came through it; else pip has, so that no second segzoo comes
    from a channel.

    :raises PluginError: when there is neither.
    """
    prefix = Path(sys.prefix)
    in_conda = (prefix / "conda-meta").is_dir()
    if in_conda and installer(SHIPPED) == "conda":
        return "conda"
    with_pip = find_spec("pip") is not None
    if _made_by_uv(prefix) and (shutil.which("uv") or not with_pip):
        return "uv"
    if with_pip:
        return "pip"
    if in_conda:
        return "conda"
    if shutil.which("uv"):
        return "uv"
    raise PluginError(f"{sys.prefix} has neither pip nor uv; give it pip: {sys.executable} -m ensurepip")


def install_command(using: Tool, requirements: Sequence[Requirement], upgrade: bool = False) -> list[str]:
    """The command that installs or upgrades, without asking.

    :raises PluginError: for a requirement that conda has no notion of.
    """
    specs = [str(requirement) for requirement in requirements]
    if using == "conda":
        for requirement in requirements:
            if requirement.url or requirement.extras or requirement.marker:
                raise PluginError(
                    f"conda takes a name and versions such as 'segzoo-ocr>=1.0', got {str(requirement)!r}"
                )
        action = "update" if upgrade and not any(requirement.specifier for requirement in requirements) else "install"
        return [*_conda(action), "--channel", "conda-forge", *specs]
    return [*_pip(using, "install"), *(["--upgrade"] if upgrade else []), *specs]


def uninstall_command(using: Tool, distributions: Sequence[str]) -> list[str]:
    """The command that uninstalls, without asking."""
    if using == "conda":
        return [*_conda("remove"), *distributions]
    return [*_pip(using, "uninstall"), *([] if using == "uv" else ["--yes"]), *distributions]


def installer(name: str) -> str | None:
    """What a distribution says that it was installed by: `pip`, `uv`, `conda`; None where it doesn't say."""
    try:
        return (distribution(name).read_text("INSTALLER") or "").strip() or None
    except PackageNotFoundError:
        return None


def run_if_agreed(commands: Sequence[Sequence[str]], agreed: bool) -> None:
    """Print commands, ask, and run them, without a shell; the program exits as the first one does that fails.

    :param agreed: beforehand, so that nobody is asked.
    """
    for command in commands:
        click.echo(quoted(command))
    if not (agreed or _agrees()):
        click.echo("Nothing was changed; --yes runs it without a question.", err=True)
        raise SystemExit(1)
    for command in commands:
        try:
            status = subprocess.run(command, check=False).returncode
        except OSError as error:
            raise PluginError(f"{command[0]} can't be run: {error.strerror or error}") from error
        if status:
            raise SystemExit(status)


def _agrees() -> bool:
    """What the user says; no, where there is nobody to ask."""
    try:
        return click.confirm("Run it?", err=True)
    except click.Abort:
        click.echo(err=True)
        return False


def quoted(command: Sequence[str]) -> str:
    """The command as a shell takes it."""
    if os.name == "nt":
        return subprocess.list2cmdline(command)
    import shlex

    return shlex.join(command)


def _pip(using: Tool, action: str) -> list[str]:
    if using == "uv":
        return [shutil.which("uv") or "uv", "pip", action, "--python", sys.executable]
    return [sys.executable, "-m", "pip", action]


def _conda(action: str) -> list[str]:
    conda = os.environ.get("CONDA_EXE") or shutil.which("conda") or shutil.which("mamba") or "conda"
    return [conda, action, "--yes", "--prefix", sys.prefix]


def _made_by_uv(prefix: Path) -> bool:
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.partition("=")[0].strip() == "uv" for line in lines)
