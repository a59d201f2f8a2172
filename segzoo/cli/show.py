"""`segzoo show`: what a saved model is and needs, without building it."""

from __future__ import annotations

from pathlib import Path

import click

from segzoo.cli.tables import json_option, print_json


@click.command(short_help="Show what the model in FOLDER is.")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def show(folder: Path, as_json: bool) -> None:
    """Show what the model in FOLDER is: its classes, its plan, and the plugins that it needs.

    Nothing is built, and no plugin's decoder or encoder is imported.
    """
    from segzoo.publishing.config import read_config
    from segzoo.publishing.folder import standing
    from segzoo.publishing.needs import needs, remedy

    config = read_config(standing(folder))
    rows = [
        {
            "kind": need.kind,
            "id": need.id,
            "saved with": f"{need.distribution} {need.version}",
            "installed": need.now or "no",
            "remedy": "" if need.provided else remedy(need),
        }
        for need in needs(config.plan)
    ]
    if as_json:
        print_json({**config.to_dict(), "needs": rows})
        return
    from tabulate import tabulate

    for name, head in config.heads.items():
        click.echo(f"{name}: {head.classes} classes" + (f": {', '.join(head.names)}" if head.names else ""))
        if head.things is not None:
            click.echo(f"{name}: objects told apart of: {', '.join(map(head.labels.name, head.things)) or 'none'}")
    mean, std = (
        ", ".join(f"{each:.4g}" for each in values) for values in (config.preprocessing.mean, config.preprocessing.std)
    )
    values = "values from 0 to 1" if config.preprocessing.value_range else "values as they are"
    click.echo(f"preprocessing: {values}, mean {mean}, std {std}")
    click.echo(f"\n{config.plan}\n")
    click.echo(tabulate(rows, headers="keys", disable_numparse=True))
