"""Tables, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from segzoo.metrics import Scores

GAP = 2  # letters between columns, and those that tabulate leaves beside a heading
WRAPPED = 20  # letters that the last column has at least, where it is wrapped

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def print_table(rows: Sequence[Mapping[str, Any]], noun: str, as_json: bool, cut: bool = False) -> None:
    """Print rows of the same columns, and how many there are.

    :param cut: whether the last column is cut to the terminal's width rather than wrapped.
    """
    if as_json:
        print_json(rows)
        return
    if rows:
        from tabulate import tabulate

        room = _room_for_the_last(rows)
        *others, last = rows[0]
        if cut:
            rows = [{**row, last: _cut(str(row[last]), max(room, len(last) + GAP))} for row in rows]
        widths = [None] * len(others) + [max(room, WRAPPED)]
        # Names such as "1e5" are no numbers.
        click.echo(tabulate(rows, headers="keys", disable_numparse=True, maxcolwidths=widths))
        click.echo()
    click.echo(f"{len(rows) or 'no'} {noun}{'' if len(rows) == 1 else 's'}")


def _room_for_the_last(rows: Sequence[Mapping[str, Any]]) -> int:
    """The letters that are left for the last column: of the terminal's, or of 80 where there is none."""
    *others, _ = rows[0]
    taken = sum(max(len(name) + GAP, *(len(str(row[name])) for row in rows)) + GAP for name in others)
    return get_terminal_size().columns - taken


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def print_scores(scores: Scores, names: Sequence[str]) -> None:
    """Print a row for each class, and the means below."""
    click.echo(scores.table(names))
