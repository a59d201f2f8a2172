"""`segzoo decoders`: which decoders there are, which of them fit, and the options of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from segzoo.cli.decoder_views import OFFERS, show, takes
from segzoo.cli.parameters import COUNT
from segzoo.cli.patterns import WILDCARDS, raise_unmatched
from segzoo.cli.tables import json_option, print_table

if TYPE_CHECKING:
    from segzoo.cli.decoder_candidates import Candidate
    from segzoo.host.descriptors import DecoderSpec
    from segzoo.host.registry import Provided

TASKS = ("semantic", "instance", "panoptic")


@click.command(short_help="List the decoders, and which of them fit.")
@click.argument("pattern", required=False)
@click.option("--encoder", help="Takes that encoder.")
@click.option("--task", type=click.Choice(TASKS), help="Can answer it.")
@click.option("--stride", "strides", type=click.IntRange(min=1), multiple=True, help="Takes a map of that stride.")
@click.option("--tokens", is_flag=True, help="Drives a transformer's last blocks itself.")
@click.option("--min-params", type=COUNT, help="Least number of parameters, such as 1M.")
@click.option("--max-params", type=COUNT, help="Largest number of parameters, such as 5M.")
@click.option("--max-macs", type=COUNT, help="Largest number of multiply-adds, such as 20G.")
@click.option("--for", "purpose", metavar="TEXT", help="Its good and bad sides speak of it, such as outlines.")
@click.option("--license", "license_part", metavar="TEXT", help="Part of the code's licence, such as apache.")
@click.option("--sort", type=click.Choice(["name", "params", "macs"]), help="In that order; by name by default.")
@json_option
def decoders(pattern: str | None, as_json: bool, **filters: Any) -> None:
    """List the decoders, or those that match PATTERN, such as 'u*'; a NAME shows that one in full.

    In full are the stages that it takes, its options with ranges and defaults, and an example. Options narrow the list
    down; all must hold. Parameters are those of the decoder alone, multiply-adds (macs) those of the whole model for an
    image of 512x512, both with --encoder; without it on a ResNet-50, or a small ViT where that is refused.
    """
    from segzoo.host import registry

    found = registry.decoders(pattern)
    if pattern and not found:
        raise_unmatched("decoder", pattern, registry.find_decoder)
    if any(filters.values()):
        rows = [_measured_row(each) for each in _fitting(found, filters)]
        if not rows and not as_json:
            count = f"{len(found)} decoder{'' if len(found) == 1 else 's'}"
            raise click.ClickException(f"none of {count} fits all that was asked for; ask for less")
    elif pattern and len(found) == 1 and not WILDCARDS.search(pattern):
        (only,) = found.values()
        rows = [_in_full(only)]
        if not as_json:
            show(rows[0])
            return
    else:
        rows = [_row(each) for each in found.values()]
    last = "good_for" if filters["purpose"] else "summary"
    print_table(rows if as_json else [_cells(row, last) for row in rows], "decoder", as_json)


def _cells(row: Mapping[str, Any], last: str) -> dict[str, str]:
    """What a table has room for: the name, what was counted, and one text."""
    units = {"params": (1e6, "M"), "macs": (1e9, "G")}
    counted = {name: f"{row[name] / unit:.2f} {letter}" for name, (unit, letter) in units.items() if name in row}
    return {"name": row["name"], **counted, last.replace("_", " "): row[last]}


def _fitting(found: Mapping[str, Provided[DecoderSpec]], filters: Mapping[str, Any]) -> list[Candidate]:
    """Those that fit what was asked for, in the order asked for."""
    from tqdm import tqdm

    from segzoo.cli.decoder_candidates import Candidate, Wanted

    wanted = Wanted(**filters)
    candidates = [Candidate(each, wanted) for each in found.values()]
    bar = tqdm(candidates, "examining", unit="decoder", delay=2, leave=False, disable=None)
    return sorted((each for each in bar if each.fits()), key=lambda each: each.rank)


def _measured_row(candidate: Candidate) -> dict[str, Any]:
    counted = {}
    if candidate.wanted.counts_params:
        counted["params"] = candidate.params
    if candidate.wanted.counts_macs:
        counted["macs"] = candidate.macs
    name, *others = _row(candidate.found).items()
    return dict([name, *counted.items(), *others])


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
