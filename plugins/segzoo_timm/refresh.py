"""Writing anew what is known of timm's architectures.

Run it after an upgrade of timm::

python -m segzoo_timm.refresh             # all: about an hour on two cores, writing as it goes
python -m segzoo_timm.refresh --missing   # what an interrupted run has left, or a new timm has brought
python -m segzoo_timm.refresh 'resnet*'   # these alone, the others are kept
python -m segzoo_timm.refresh --catalogue # none: what timm says of them, as each of the others does first, in seconds
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from fnmatch import fnmatchcase
from multiprocessing import get_context
from typing import Any

import click
import timm

import segzoo
from segzoo_timm import catalogue, known
from segzoo_timm.reading import read_catalogue
from segzoo_timm.source import TimmSource

WRITTEN_EVERY = 20
MEASURED = ("parameters", "channels", "strides", "multiple", "minimum", "fixed", "dilates_to", "class_token", "blocks")


@click.command()
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@click.option("--missing", is_flag=True, help="Only those of which nothing is known.")
@click.option("--catalogue", "catalogue_alone", is_flag=True, help="Measure nothing; write names and licences anew.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True, help="Processes.")
def main(patterns: tuple[str, ...], missing: bool, catalogue_alone: bool, jobs: int) -> None:
    """Measure the architectures that match any PATTERN, all by default, and write down what is found."""
    from tqdm import tqdm

    catalogue.write(catalogue.FILE, read_catalogue())
    if catalogue_alone:
        return
    everything = timm.list_models()
    measured = {name: entry for name, entry in known.known_architectures().items() if name in everything}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in everything):
            raise click.ClickException(f"timm {timm.__version__} has no architecture that matches {pattern!r}")
    chosen = [name for name in everything if not patterns or any(fnmatchcase(name, each) for each in patterns)]
    chosen = [name for name in chosen if not (missing and name in measured)]
    failed: dict[str, str] = {}
    os.environ["OMP_NUM_THREADS"] = "1"  # the processes use the cores already
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        pending = [pool.submit(measure, name) for name in chosen]
        for number, done in enumerate(
            tqdm(as_completed(pending), "measuring", total=len(pending), unit="architecture"), 1
        ):
            name, entry, error = done.result()
            measured.pop(name, None)
            if entry:
                measured[name] = entry
            else:
                failed[name] = error
            if number % WRITTEN_EVERY == 0 or number == len(pending):
                write({name: measured[name] for name in everything if name in measured})
    click.echo(f"{len(chosen) - len(failed)} measured, {len(failed)} failed; see {known.FILE}")
    for name in sorted(failed):
        click.echo(f"{name}: {failed[name]}")
    if failed:
        raise SystemExit(1)


def measure(name: str) -> tuple[str, dict[str, Any] | None, str]:
    """The name, and what was measured or why it can't be."""
    try:
        facts = segzoo.measure_facts(TimmSource(), name).to_dict()
    except Exception as error:  # the others are measured all the same
        return name, None, f"{type(error).__name__}: {error}"
    return name, {key: facts[key] for key in MEASURED}, ""


def write(entries: Mapping[str, Mapping[str, Any]]) -> None:
    """What was measured, with the version of timm that it was measured with."""
    catalogue.write(known.FILE, {"timm": timm.__version__, "architectures": entries})


if __name__ == "__main__":
    main()
