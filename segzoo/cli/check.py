"""`segzoo check`: whether a decoder, an encoder or a neck keeps its promises."""

from __future__ import annotations

import click

from segzoo.cli.parameters import KEY_VALUE
from segzoo.cli.tables import json_option, print_table


@click.command(short_help="Run the conformance kit on a plugin's part.")
@click.argument("name")
@click.option("--kind", type=click.Choice(["decoder", "encoder", "neck"]), help="Found out by default.")
@click.option("--option", "options", type=KEY_VALUE, multiple=True, help="To build it with; can be repeated.")
@json_option
def check(name: str, kind: str | None, options: tuple[tuple[str, object], ...], as_json: bool) -> None:
    """Run the conformance kit on the decoder, encoder or neck NAME: one check per promise.

    The exit code is 1 when a check fails. The value of an option is read as JSON where it is JSON, as text otherwise.
    """
    from tqdm import tqdm

    click.echo(f"{name}: loading", err=True)
    from segzoo import testing
    from segzoo.testing.subjects import kind_of

    results = []
    checks = testing.checks(kind or kind_of(name))
    with tqdm(checks, desc=name, unit="check", disable=None, leave=False) as progress:
        for number, each in enumerate(progress, 1):
            progress.set_postfix_str(each.name)
            results.append(each.run(name, options=dict(options)))
            if progress.disable:  # no terminal: a line each
                result = results[-1]
                click.echo(f"{number}/{len(checks)} {each.name}: {result.status}, {result.seconds:.1f} s", err=True)
    rows = [
        {
            "check": result.name,
            "status": result.status,
            "seconds": result.seconds if as_json else f"{result.seconds:.1f}",
            "reason": result.reason,
        }
        for result in results
    ]
    print_table(rows, "check", as_json)
    if any(result.failed for result in results):
        raise SystemExit(1)
