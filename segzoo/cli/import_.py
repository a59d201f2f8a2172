"""`segzoo import`: somebody else's checkpoint as a folder of segzoo's own."""

from __future__ import annotations

import click

from segzoo.cli.parameters import KEY_VALUE


@click.command("import", short_help="Convert somebody else's checkpoint, and save it.")
@click.argument("source")
@click.argument("folder", type=click.Path())
@click.option("--importer", help="By which to read it; the first that recognises it by default.")
@click.option(
    "--option", "options", type=KEY_VALUE, multiple=True, help="What a bare file doesn't say; can be repeated."
)
def import_(source: str, folder: str, importer: str | None, options: tuple[tuple[str, object], ...]) -> None:
    """Convert SOURCE, somebody else's checkpoint, and save it as FOLDER.

    SOURCE is a folder, a file of weights or a hub id. The value of an option is read as JSON where it is JSON, as
    text otherwise: --option classes=19.
    """
    import segzoo

    model = segzoo.from_pretrained(source, importer=importer, arguments=dict(options))
    model.save_pretrained(folder)
    click.echo(str(model.plan))
