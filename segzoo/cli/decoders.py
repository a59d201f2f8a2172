"""`segzoo decoders`: which decoders there are, and the options of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from segzoo.cli.decoder_views import OFFERS, show, takes
from segzoo.cli.patterns import WILDCARDS, raise_unmatched
from segzoo.cli.tables import json_option, print_json, print_table

if TYPE_CHECKING:
    from segzoo.host.descriptors import DecoderSpec
    from segzoo.host.registry import Provided


@click.command()
@click.argument("pattern", required=False)
@json_option
def decoders(pattern: str | None, as_json: bool) -> None:
    """List the decoders, or those that match PATTERN, such as 'u*'; a NAME shows that one in full.

    In full are the stages that it takes, its options with ranges and defaults, and an example.
    """
    from segzoo.host import registry

    found = registry.decoders(pattern)
    if pattern and not found:
        raise_unmatched("decoder", pattern, registry.find_decoder)
    if pattern and len(found) == 1 and not WILDCARDS.search(pattern):
        (only,) = found.values()
        full = _in_full(only)
        if as_json:
            print_json([full])
        else:
            show(full)
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
        "good_for": found.descriptor.good_for,
    }


def _in_full(found: Provided[DecoderSpec]) -> dict[str, Any]:
    from segzoo.handshake.decoder_options import describe_options

    decoder = found.load()
    taken = {name: takes(decoder, offer) for name, offer in OFFERS.items()}
    return _row(found) | {"takes": taken, "options": describe_options(decoder)}
