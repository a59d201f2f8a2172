"""`segzoo encoders`: which encoders there are, and which of them fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from segzoo.cli.encoder_views import row, show
from segzoo.cli.parameters import COUNT
from segzoo.cli.patterns import WILDCARDS, raise_unmatched
from segzoo.cli.tables import json_option, print_json, print_table
from segzoo.errors import UnknownNameError

if TYPE_CHECKING:
    from segzoo.host.facts import EncoderFacts
    from segzoo.host.sources import EncoderFound


FEW = 6  # encoders that are measured at once where need be: that takes seconds
UNMEASURED = ("params", "stride", "image", "weights")
ORDERS: dict[str, Callable[[EncoderFacts], Any]] = {
    "name": lambda facts: facts.name,
    "family": lambda facts: (facts.family, facts.parameters),
    "params": lambda facts: facts.parameters,
}


@click.command(short_help="List the encoders, and which of them fit.")
@click.argument("pattern", required=False)
@click.option("--min-params", type=COUNT, help="Least number of parameters, such as 5M.")
@click.option("--max-params", type=COUNT, help="Largest number of parameters, such as 25M.")
@click.option("--stride", "strides", type=click.IntRange(min=1), multiple=True, help="Computes a map of that stride.")
@click.option("--dilates", type=click.Choice(["8", "16"]), help="Can be dilated to that output stride.")
@click.option("--any-size", is_flag=True, help="Takes images as they are: no padding, no resizing.")
@click.option("--class-token", is_flag=True, help="Has a class token to append to its maps.")
@click.option("--tokens", is_flag=True, help="Lets a decoder drive its last blocks, as some do.")
@click.option("--license", "license_part", metavar="TEXT", help="Part of the code's licence, such as apache.")
@click.option("--weights-license", metavar="TEXT", help="Part of the licence of published weights.")
@click.option("--sort", type=click.Choice(list(ORDERS)), help="In that order; by default as the sources list them.")
@json_option
def encoders(
    pattern: str | None,
    min_params: float | None,
    max_params: float | None,
    strides: tuple[int, ...],
    dilates: str | None,
    any_size: bool,
    class_token: bool,
    tokens: bool,
    license_part: str | None,
    weights_license: str | None,
    sort: str | None,
    as_json: bool,
) -> None:
    """List the encoders, or those that match PATTERN, such as 'resnet*'; a NAME shows that one in full.

    In the table an image is taken in any size, padded to a multiple (x32), or resized (224x224), and weights are known
    by their licences; --json has all. A NAME can have a tag: resnet50.a1_in1k. Options narrow the list down; all must
    hold. Parameters are those of the encoder alone, without a classifier. A question mark stands for what was not
    measured yet: a NAME measures it, and so does each option that narrows the list down, which can take minutes.
    """

    def fits(facts: EncoderFacts) -> bool:
        return (
            (min_params is None or facts.parameters >= min_params)
            and (max_params is None or facts.parameters <= max_params)
            and set(strides) <= set(facts.native_strides)
            and (dilates is None or int(dilates) in facts.dilates_to)
            and (facts.any_size or not any_size)
            and (facts.class_token or not class_token)
            and (facts.spec.blocks > 0 or not tokens)
            and _contains(license_part, facts.license)
            and _contains(weights_license, *facts.weights_licenses)
        )

    chosen = _find(pattern)
    choosy = (
        min_params is not None or max_params is not None or any((strides, dilates, any_size, class_token, tokens, sort))
    )
    if len(chosen) > FEW and not (choosy or license_part or weights_license):
        print_table(list(_known_rows(chosen, as_json)), "encoder", as_json, cut=True)
        return
    listed = [(facts, found) for facts, found in _facts(chosen) if fits(facts)]
    if sort:
        listed.sort(key=lambda each: ORDERS[sort](each[0]))
    if chosen and not listed:
        if as_json:
            print_json([])
        count = f"{len(chosen)} encoder{'' if len(chosen) == 1 else 's'}"
        raise click.ClickException(f"none of {count} fits all that was asked for; ask for less")
    if pattern and not WILDCARDS.search(pattern) and len(chosen) == 1 and not as_json:
        show(*listed[0])
    else:
        rows = [{**facts.to_dict(), "source": found.provided.id} if as_json else row(facts) for facts, found in listed]
        print_table(rows, "encoder", as_json, cut=True)


def _contains(wanted: str | None, *licenses: str) -> bool:
    return wanted is None or any(wanted.lower() in each.lower() for each in licenses)


def _find(pattern: str | None) -> dict[str, EncoderFound]:
    from segzoo.host import sources

    if pattern and not WILDCARDS.search(pattern):
        with suppress(UnknownNameError):
            return {pattern: sources.find_encoder(pattern)}
    found = sources.encoders(pattern)
    if pattern and not found:
        raise_unmatched("encoder", pattern, sources.find_encoder)
    return found


def _facts(chosen: Mapping[str, EncoderFound]) -> Iterator[tuple[EncoderFacts, EncoderFound]]:
    """The facts of each; where there are several, one that fails is left out, with a warning."""
    from dataclasses import replace

    from tqdm import tqdm

    for name, found in tqdm(chosen.items(), "measuring", unit="encoder", delay=2, leave=False, disable=None):
        try:
            facts = found.facts()
        except Exception as error:
            if len(chosen) == 1:
                raise
            reason = " ".join(str(error).split())
            click.echo(f"Warning: {name} is left out: {type(error).__name__}: {reason}", err=True)
        else:
            yield replace(facts, name=name), found


def _known_rows(chosen: Mapping[str, EncoderFound], as_json: bool) -> Iterator[dict[str, Any]]:
    """A plain listing builds nothing: of an encoder that nobody has measured it shows the name."""
    from dataclasses import replace

    for name, found in chosen.items():
        facts = found.known_facts()
        if as_json:
            yield {**(replace(facts, name=name).to_dict() if facts else {"name": name}), "source": found.provided.id}
        else:
            yield row(replace(facts, name=name)) if facts else {"name": name, **dict.fromkeys(UNMEASURED, "?")}
