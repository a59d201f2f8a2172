"""The command line: each command mirrors a function of the API, and stands in the file of its name.

Command files import what is heavy inside their functions, so that `segzoo --help` answers at once.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from keyword import iskeyword
from typing import Any, TextIO

import click

from segzoo import __version__
from segzoo.errors import SegzooError

COMMANDS = (
    "encoders",
    "decoders",
    "plan",
    "matrix",
    "plugins",
    "install",
    "uninstall",
    "doctor",
    "new",
    "check",
    "data",
    "train",
    "evaluate",
    "predict",
    "compare",
    "export",
    "bench",
    "demo",
    "studio",
    "show",
    "verify",
    "push",
    "import",
)


class _Commands(click.Group):
    """Imports a command when it is asked for; shows segzoo's errors and warnings in one line, on stderr."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        return getattr(import_module(f"segzoo.cli.{name}"), name)

    def invoke(self, ctx: click.Context) -> Any:
        ctx.with_resource(warnings.catch_warnings())
        warnings.showwarning = _show_warning
        try:
            return super().invoke(ctx)
        except SegzooError as error:
            raise click.ClickException(" ".join(str(error).split())) from error


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    click.echo(f"Warning: {' '.join(str(message).split())}", err=True)


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="segzoo")
def main() -> None:
    """Any encoder, any decoder, any image size."""
