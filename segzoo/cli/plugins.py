"""`segzoo plugins`: which plugins are installed, and what became of each."""

from __future__ import annotations

import click

from segzoo.cli.tables import json_option, print_table


@click.command()
@json_option
def plugins(as_json: bool) -> None:
    """List the installed plugins; those that don't work with the reason."""
    from segzoo import registry

    rows = [
        {
            "name": info.name,
            "distribution": info.distribution,
            "version": info.version,
            "status": info.status,
            "provides": list(info.provides) if as_json else ", ".join(info.provides),
            "import_ms": info.import_ms,
            "error": info.error,
        }
        for info in registry.plugins()
    ]
    print_table(rows, "plugin", as_json)
