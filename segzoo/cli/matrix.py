"""`segzoo matrix`: which encoders work with which decoders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from segzoo.cli.parameters import IMAGE_SIZE
from segzoo.cli.patterns import matching_decoders, matching_encoders, parts
from segzoo.cli.tables import json_option, print_json, print_table

if TYPE_CHECKING:
    from segzoo.matrix.results import Checked, Matrix, Pair


NAMED = 3
"""How many of the pairs that failed for one reason are named."""


@click.command(short_help="Check pairs without weights, as a table or a page.")
@click.option("--encoder", "encoders", default="*", help="Names or patterns, separated by commas; all by default.")
@click.option("--decoder", "decoders", default="*", help="Names or patterns, separated by commas; all by default.")
@click.option("--smallest", is_flag=True, help="Of the encoders, the smallest of each family alone.")
@click.option("--size", type=IMAGE_SIZE, default="97x131", show_default=True, help="The image's.")
@click.option("--workers", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True, help="Processes.")
@click.option("--html", "html_path", metavar="FILE", help="Write a page with filters that needs no other file.")
@json_option
def matrix(
    encoders: str,
    decoders: str,
    smallest: bool,
    size: tuple[int, int],
    workers: int,
    html_path: str | None,
    as_json: bool,
) -> None:
    """Check pairs of encoders and decoders, without weights or arithmetic.

    Each pair is planned, and the whole model is run on the meta device at that size. All encoders take hours, those of
    --smallest minutes. The exit code is 1 when a pair is broken; one that the handshake refuses is no failure.
    """
    chosen_encoders, chosen_decoders = matching_encoders(parts(encoders)), matching_decoders(parts(decoders))
    from segzoo.files import check_writable
    from segzoo.matrix import check_pairs, smallest_of_each_family

    if html_path:
        check_writable(html_path)
    if smallest:
        chosen_encoders = smallest_of_each_family(chosen_encoders)
    found = check_pairs(chosen_encoders, chosen_decoders, size=size, jobs=workers)
    if html_path:
        found.save_page(html_path)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    if any(pair.outcome == "broken" for pair in found.pairs):
        raise SystemExit(1)


def _print(matrix: Matrix) -> None:
    rows = [_row(checked, matrix.of_encoder(number)) for number, checked in enumerate(matrix.encoders)]
    print_table(rows, "encoder", as_json=False)
    failures: dict[tuple[str, str], list[str]] = {}
    for pair in matrix.pairs:
        if pair.outcome != "pass":
            failures.setdefault((pair.outcome, pair.reason), []).append(f"{pair.encoder} + {pair.decoder}")
    for (outcome, reason), pairs in failures.items():
        more = f" and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
        click.echo(f"{outcome}: {', '.join(pairs[:NAMED])}{more}: {' '.join(reason.split())}")
    passed = [pair for pair in matrix.pairs if pair.outcome == "pass"]
    helped = sum(bool(pair.fallbacks) for pair in passed)
    counts = Counter(pair.outcome for pair in matrix.pairs)
    click.echo(
        f"{len(passed)} of {len(matrix.pairs)} pairs pass at {matrix.size[0]}x{matrix.size[1]}: {len(passed) - helped} "
        f"as they are, {helped} with help; {counts['refused']} refused, {counts['broken']} broken"
    )


def _row(checked: Checked, pairs: Iterable[Pair]) -> dict[str, str]:
    pairs = list(pairs)
    kinds = Counter(kind for pair in pairs for kind in {fallback.kind for fallback in pair.fallbacks})
    return {
        "encoder": checked.name,
        "family": checked.family,
        "params": "-" if checked.parameters is None else f"{checked.parameters / 1e6:.2f} M",
        "pass": f"{sum(pair.outcome == 'pass' for pair in pairs)}/{len(pairs)}",
        **{kind: str(kinds[kind] or "-") for kind in ("neck", "padding", "resizing")},
        "wishes granted": str(sum(bool(pair.granted) for pair in pairs) or "-"),
        "not granted": str(kinds["wish"] or "-"),
    }
