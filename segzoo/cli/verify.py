"""`segzoo verify`: whether a saved model computes here what it did where it was saved."""

from __future__ import annotations

from pathlib import Path

import click

from segzoo.cli.tables import json_option, print_json


@click.command(short_help="Tell whether a model computes here what it did.")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def verify(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Tell whether the model in FOLDER computes here what it did where it was saved; exit status 1 if not."""
    from dataclasses import asdict

    from segzoo.loading import restoring
    from segzoo.publishing import behaviour
    from segzoo.publishing.config import read_config
    from segzoo.publishing.folder import standing
    from segzoo.publishing.needs import changed_versions

    path = standing(folder)
    config = read_config(path)
    differences = restoring.check_behaviour(restoring.restore(path, config), config)
    versions = changed_versions(config)
    if as_json:
        print_json(
            {"same": not differences, "differences": [asdict(each) for each in differences], "versions": versions}
        )
    elif differences:
        click.echo(behaviour.table(differences))
        click.echo(f"\nversions that differ: {'; '.join(versions) or 'none that were recorded'}")
    else:
        click.echo("the same as where it was saved")
    ctx.exit(1 if differences else 0)
