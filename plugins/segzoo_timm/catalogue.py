"""What is known of timm's architectures beforehand, so that listing them builds none.

`catalogue.json` beside this file holds what was measured of each; after an upgrade of timm, make it anew::

    python -m segzoo_timm.catalogue             # all: about an hour on two cores, writing as it goes
    python -m segzoo_timm.catalogue --missing   # what an interrupted run has left, or a new timm has brought
    python -m segzoo_timm.catalogue 'resnet*'   # these alone, the others are kept

Families and licences are read from timm itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import timm
from timm.models import (
    get_arch_pretrained_cfgs,
    get_pretrained_cfg,
    is_model,
    model_entrypoint,
    parse_model_name,
    split_model_name_tag,
)

import segzoo

FILE = Path(__file__).with_name("catalogue.json")
WRITTEN_EVERY = 20
MEASURED = ("parameters", "channels", "strides", "multiple", "minimum", "fixed", "dilates_to", "class_token")


def known_facts(name: str) -> segzoo.EncoderFacts | None:
    """The facts of an architecture, tagged or not; None where the catalogue doesn't have them.

    :param name: as timm's `create_model` takes it.
    """
    origin, model = parse_model_name(name)
    architecture, tag = split_model_name_tag(model)
    known = _catalogue().get(architecture) if origin is None and _built_alike(architecture, tag) else None
    return with_family(segzoo.EncoderFacts.from_dict({"name": name, **known})) if known else None


def with_family(facts: segzoo.EncoderFacts) -> segzoo.EncoderFacts:
    """With what timm says of an architecture's family and weights; of a hub's or a folder's nothing is known."""
    origin, model = parse_model_name(facts.name)
    architecture, tag = split_model_name_tag(model)
    if origin is not None or not is_model(architecture):
        return facts
    family = model_entrypoint(architecture).__module__.rpartition(".")[2]
    return replace(facts, family=family, weights=_weights(architecture, tag))


@cache
def _catalogue() -> Mapping[str, Mapping[str, Any]]:
    return json.loads(FILE.read_text())["architectures"] if FILE.exists() else {}


def _built_alike(architecture: str, tag: str) -> bool:
    """Whether a tag's model is the architecture's own: another image size can mean other parameters."""
    if not tag:
        return True
    default, tagged = get_pretrained_cfg(architecture), get_pretrained_cfg(f"{architecture}.{tag}")
    return bool(default and tagged and default.input_size == tagged.input_size)


def _weights(architecture: str, tag: str) -> tuple[segzoo.PublishedWeights, ...]:
    """Those of one tag, or of all, timm's default first."""
    published = (
        segzoo.PublishedWeights(config.tag or "", config.license or "")
        for config in get_arch_pretrained_cfgs(architecture).values()
        if config.has_weights
    )
    return tuple(weights for weights in published if tag in ("", weights.tag))


@click.command()
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@click.option("--missing", is_flag=True, help="Only those that the catalogue doesn't have.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count(), show_default=True, help="Processes.")
def main(patterns: tuple[str, ...], missing: bool, jobs: int) -> None:
    """Measure the architectures that match any PATTERN, all by default, and write them into the catalogue."""
    from tqdm import tqdm

    everything = timm.list_models()
    measured = {name: entry for name, entry in _catalogue().items() if name in everything}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in everything):
            raise click.ClickException(f"timm {timm.__version__} has no architecture that matches {pattern!r}")
    chosen = [name for name in everything if not patterns or any(fnmatchcase(name, each) for each in patterns)]
    chosen = [name for name in chosen if not (missing and name in measured)]
    failed: dict[str, str] = {}
    os.environ["OMP_NUM_THREADS"] = "1"  # the processes use the cores already
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        pending = [pool.submit(_measure, name) for name in chosen]
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
                _write({name: measured[name] for name in everything if name in measured})
    click.echo(f"{len(chosen) - len(failed)} measured, {len(failed)} failed; see {FILE}")
    for name in sorted(failed):
        click.echo(f"{name}: {failed[name]}")
    if failed:
        raise SystemExit(1)


def _measure(name: str) -> tuple[str, dict[str, Any] | None, str]:
    from segzoo_timm.source import TimmSource

    try:
        facts = segzoo.measure_facts(TimmSource(), name).to_dict()
    except Exception as error:  # the others are measured all the same
        return name, None, f"{type(error).__name__}: {error}"
    return name, {key: facts[key] for key in MEASURED}, ""


def _write(entries: Mapping[str, Mapping[str, Any]]) -> None:
    """One line per architecture, so that a new timm shows as a readable difference."""
    lines: Sequence[str] = [
        f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in entries.items()
    ]
    text = ",\n".join(lines)
    partial = FILE.with_suffix(".partial")
    partial.write_text(f'{{"timm": "{timm.__version__}", "architectures": {{\n{text}\n}}}}\n')
    os.replace(partial, FILE)


if __name__ == "__main__":
    main()
