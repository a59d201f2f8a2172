"""`segzoo push`: putting a saved model on the hub."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Put the model in FOLDER on the hub.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("repo_id")
@click.option("--private", is_flag=True, help="Let a new page be seen by its owner alone.")
@click.option("--message", help="Of the commit.")
def push(folder: Path, repo_id: str, private: bool, message: str | None) -> None:
    """Put the model in FOLDER on the hub as REPO_ID, which is user/name; the page is created if there is none.

    Its weights, config and card go there, and no other file of the folder. Log in before with `hf auth login`.
    """
    from segzoo.publishing.config import read_config
    from segzoo.publishing.folder import standing
    from segzoo.publishing.hub import upload

    path = standing(folder)
    read_config(path)  # an error unless it is segzoo's
    click.echo(upload(path, repo_id, private=private or None, commit_message=message))
