"""`segzoo decoders`: which decoders there are."""

from __future__ import annotations

import click

from segzoo.cli.tables import json_option, print_table


@click.command()
@click.argument("pattern", required=False)
@json_option
def decoders(pattern: str | None, as_json: bool) -> None:
    """List the decoders, or those that match PATTERN, such as 'u*'."""
    from segzoo.host import registry

    rows = [
        {
            "name": name,
            "from": f"{found.distribution} {found.version}",
            "licence": found.descriptor.license,
            "paper": found.descriptor.paper,
            "summary": found.descriptor.summary,
        }
        for name, found in registry.decoders(pattern).items()
    ]
    print_table(rows, "decoder", as_json, pattern)
