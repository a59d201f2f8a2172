"""`segzoo plugins available`: what there is to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from segzoo.cli.tables import json_option, print_json, print_table

if TYPE_CHECKING:
    from segzoo.directory import Directory, Listing


@click.command(short_help="List the plugins of the plugin directory.")
@click.option("--refresh", is_flag=True, help="Ask for the newest list, although that was done today.")
@json_option
def available(refresh: bool, as_json: bool) -> None:
    """List the plugins of segzoo's plugin directory, with the result of the last check of each.

    The list is fetched at most once a day; SEGZOO_DIRECTORY names another address than segzoo's own, or says off.
    """
    from segzoo import directory

    listed = directory.latest(refresh)
    say_problem(listed)
    for reason in listed.left_out:
        click.echo(f"Left out: {reason}", err=True)
    if as_json:
        print_json([{**listing.model_dump(mode="json"), "version": listing.version} for listing in listed.listings])
        return
    click.echo(f"from {listed.origin}\n")
    rows = [
        {
            "distribution": listing.distribution,
            "version": listing.version,
            "provides": ", ".join(f"{kind} {name}" for kind, name in listing.provided()),
            "checked": _checked(listing),
            "summary": listing.summary,
        }
        for listing in listed.listings
    ]
    print_table(rows, "plugin", as_json)


def say_problem(listed: Directory) -> None:
    """Say on stderr why the list is no newer one, if something is wrong."""
    if listed.problem:
        click.echo(f"The plugin directory can't be asked ({listed.problem}); this is {listed.origin}.", err=True)


def _checked(listing: Listing) -> str:
    result = listing.conformance
    if result is None:
        return "not yet"
    if result.passed:
        return f"passed on {result.date}"
    failed = [name for found in result.findings.values() for name in found.failed]
    return f"failed on {result.date}: {result.error or ', '.join(failed)}"
