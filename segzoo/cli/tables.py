"""Tables, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from segzoo.metrics import Scores

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def print_table(rows: Sequence[Mapping[str, Any]], noun: str, as_json: bool, pattern: str | None = None) -> None:
    """Print rows of the same columns, and how many there are."""
    if as_json:
        print_json(rows)
    elif rows:
        from tabulate import tabulate

        # Names such as "1e5" are no numbers.
        click.echo(tabulate(rows, headers="keys", disable_numparse=True))
        click.echo(f"\n{len(rows)} {noun}{'' if len(rows) == 1 else 's'}")
    else:
        hint = f"; try '*{pattern}*'" if pattern and "*" not in pattern else ""
        click.echo(f"no {noun}s match {pattern!r}{hint}" if pattern else f"no {noun}s")


def print_scores(scores: Scores, names: Sequence[str]) -> None:
    """Print a row for each class, and the means below."""
    click.echo(scores.table(names))
