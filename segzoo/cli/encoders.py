"""`segzoo encoders`: which encoders there are."""

from __future__ import annotations

from contextlib import suppress

import click

from segzoo.cli.tables import json_option, print_table
from segzoo.errors import PluginError


@click.command()
@click.argument("pattern", required=False)
@json_option
def encoders(pattern: str | None, as_json: bool) -> None:
    """List the encoders, or those that match PATTERN, such as 'resnet*'."""
    from tqdm import tqdm

    from segzoo import registry

    # The first import of torch and a large source takes seconds; a source that fails is reported by the listing.
    for source in tqdm(registry.encoder_sources(), "loading encoder sources", delay=2, leave=False, disable=None):
        with suppress(PluginError):
            source.load()
    rows = [
        {"name": name, "source": found.provided.id, "weights licence": found.provided.descriptor.weights_license}
        for name, found in registry.encoders(pattern).items()
    ]
    print_table(rows, "encoder", as_json, pattern)
