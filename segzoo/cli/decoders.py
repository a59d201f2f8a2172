"""`segzoo decoders`: which decoders there are, and the options of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from segzoo.cli.patterns import WILDCARDS, raise_unmatched
from segzoo.cli.tables import json_option, print_json, print_table

if TYPE_CHECKING:
    from segzoo.host.descriptors import DecoderSpec
    from segzoo.host.registry import Provided


@click.command()
@click.argument("pattern", required=False)
@json_option
def decoders(pattern: str | None, as_json: bool) -> None:
    """List the decoders, or those that match PATTERN, such as 'u*'; of one by name, its options too."""
    from segzoo.host import registry

    found = registry.decoders(pattern)
    if pattern and not found:
        raise_unmatched("decoder", pattern, registry.find_decoder)
    if pattern and len(found) == 1 and not WILDCARDS.search(pattern):
        (only,) = found.values()
        _show(only, as_json)
    else:
        rows = [_row(each) for each in found.values()]
        columns = list(rows[0]) if as_json else ["name", "summary"]
        print_table([{column: row[column] for column in columns} for row in rows], "decoder", as_json)


def _row(found: Provided[DecoderSpec]) -> dict[str, Any]:
    return {
        "name": found.name,
        "from": f"{found.distribution} {found.version}",
        "licence": found.descriptor.license,
        "paper": found.descriptor.paper,
        "summary": found.descriptor.summary,
    }


def _show(found: Provided[DecoderSpec], as_json: bool) -> None:
    from segzoo.handshake.decoder_options import describe_options

    options = describe_options(found.load())
    if as_json:
        print_json([_row(found) | {"options": options}])
        return
    for name, value in _row(found).items():
        click.echo(f"{name:8}{value}")
    click.echo("\noptions, for decoder_options={...} and --decoder-option NAME=VALUE\n" if options else "\nno options")
    for option in options:
        default = f"; default {option['default']!r}" if "default" in option else ""
        click.echo(f"{option['name']}: {option['takes']}{default}")
        click.echo(click.wrap_text(option["meaning"], width=100, initial_indent="    ", subsequent_indent="    "))
