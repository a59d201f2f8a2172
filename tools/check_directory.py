"""Checks the plugins that the directory lists, and writes into it what was found.

Each is installed from the package index into a virtual environment of its own, on top of the running one: segzoo, torch
and timm are those that run this. It must load and provide what its entry says, and its decoders, encoders and necks
go through the conformance kit. One that fails or hangs is a result like any other. Installing a plugin runs its code:
do this where there is nothing to steal.

    python tools/check_directory.py                      # all of segzoo/directory/shipped.json
    python tools/check_directory.py segzoo-gated --find-links dist
"""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from environments import CheckError, Environment, kept_versions
from segzoo.directory import Conformance, Findings, Listing, read_directory
from segzoo.files import write_whole

DOCUMENT = Path(__file__).parent.parent / "segzoo" / "directory" / "shipped.json"
IN_THE_KIT = ("decoder", "encoder", "neck")


@click.command()
@click.argument("distributions", nargs=-1)
@click.option("--file", type=click.Path(dir_okay=False, exists=True, path_type=Path), default=DOCUMENT)
@click.option("--find-links", multiple=True, help="A folder of wheels for pip; can be repeated.")
@click.option("--no-index", is_flag=True, help="Take wheels from these folders alone.")
@click.option("--patience", default=1800.0, help="Seconds that each run of the kit may take.")
def main(distributions: Sequence[str], file: Path, find_links: Sequence[str], no_index: bool, patience: float) -> None:
    """Check DISTRIBUTIONS, all that are listed by default, and write the results into the document."""
    options = [*(f"--find-links={Path(each).absolute()}" for each in find_links), *(["--no-index"] if no_index else [])]
    content = file.read_text(encoding="utf-8")
    listed = read_directory(content, str(file))
    if unknown := [name for name in distributions if not listed.lists(name)]:
        raise click.UsageError(f"{file} doesn't list {', '.join(unknown)}")
    for reason in listed.left_out:
        click.echo(f"left out: {reason}", err=True)
    chosen = [each for each in listed.listings if each.distribution in distributions or not distributions]
    document = json.loads(content)  # written back with all that this segzoo doesn't know
    with tqdm(chosen, unit="plugin", disable=None) as progress:
        for listing in progress:
            progress.set_postfix_str(listing.distribution)
            result = check(listing, options, patience)
            _entry(document, listing)["conformance"] = result.model_dump(mode="json", exclude_defaults=True)
            write_whole(file, json.dumps(document, indent=2) + "\n")  # at once: what is found stays found
            progress.write(f"{listing.distribution}: {summary(result)}")


def check(listing: Listing, options: Sequence[str], patience: float) -> Conformance:
    """Install one plugin and see what it does.

    :param options: of `pip install`.
    :param patience: seconds for each command of segzoo.
    """
    versions = {**kept_versions(), "python": platform.python_version()}
    findings: dict[str, Findings] = {}
    problem = None
    with tempfile.TemporaryDirectory(prefix="segzoo-check-", ignore_cleanup_errors=True) as folder:
        environment = Environment(Path(folder).resolve(), listing.distribution, patience)
        try:
            environment.install(listing.distribution, options)
            rows = environment.segzoo("plugins", "show", listing.distribution)
            versions[listing.distribution] = rows[0]["version"]
            _see_that_it_provides(listing, rows)
            for kind, name in listing.provided():
                if kind in IN_THE_KIT:
                    results = environment.segzoo("check", name, "--kind", kind)
                    findings[f"{kind} {name}"] = _findings(results, environment)
        except CheckError as error:
            problem = environment.one_line(str(error))
    return Conformance(date=date.today(), versions=versions, error=problem, findings=findings)


def summary(result: Conformance) -> str:
    """In a line."""
    failed = [f"{subject} fails {name}" for subject, found in result.findings.items() for name in found.failed]
    return "passed" if result.passed else "; ".join([*failed, *([result.error] if result.error else [])])


def _entry(document: dict[str, Any], listing: Listing) -> dict[str, Any]:
    """What a listing was read from."""
    named = (each for each in document["plugins"] if isinstance(each, dict))
    return next(each for each in named if each.get("distribution") == listing.distribution)


def _see_that_it_provides(listing: Listing, rows: Sequence[dict[str, Any]]) -> None:
    """Hold what the plugins of a distribution provide against its entry; which encoders there are, the kit finds out.

    :raises CheckError: when one isn't ready, or something is missing.
    """
    for row in rows:
        if row["status"] != "ready":
            raise CheckError(f"plugin {row['name']} is {row['status']}: {row['error']}")
    provided = {(each["kind"], each["name"]) for row in rows for each in row["provides"]}
    for kind, name in listing.provided():
        if kind != "encoder" and (kind, name) not in provided:
            raise CheckError(f"it provides no {kind} {name!r}, which its entry lists")


def _findings(results: Sequence[dict[str, Any]], environment: Environment) -> Findings:
    by_status: dict[str, dict[str, str]] = {"pass": {}, "skipped": {}}
    for result in results:
        reason = environment.one_line(result["reason"]) or result["status"]
        by_status.setdefault(result["status"], {})[result["check"]] = reason
    passed, skipped = by_status.pop("pass"), by_status.pop("skipped")
    failed = {name: reason for each in by_status.values() for name, reason in each.items()}
    return Findings(passed=tuple(passed), failed=failed, skipped=skipped)


if __name__ == "__main__":
    main()
