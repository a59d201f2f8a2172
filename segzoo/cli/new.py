"""`segzoo new`: a plugin to start from."""

from __future__ import annotations

from pathlib import Path

import click

from segzoo.template import KINDS, Kind, write_plugin


@click.command(short_help="Write a complete plugin to start from.")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path), help="The folder to write; segzoo-NAME by default.")
@click.option("--author", help="For the licence; by default the user.name that git knows.")
def new(kind: Kind, name: str, output: Path | None, author: str | None) -> None:
    """Write a complete plugin: a decoder, encoder or neck called NAME that works, with tests, ready to be changed.

    It installs, passes its tests and builds as it is.
    """
    written = write_plugin(kind, name, output, author)
    click.echo(f"{written} holds the {kind} {name}. Next:\n")
    click.echo(
        f"  cd {written}\n  python -m pip install --editable '.[test]'\n  python -m pytest\n  segzoo check {name}"
    )
