"""`segzoo evaluate`: how good a model is on data, and where it fails."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from segzoo.cli.devices import move
from segzoo.cli.parameters import data_option, device_option, form_option, threads_option
from segzoo.cli.tables import json_option, print_json


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--split", default="val", show_default=True, help="What to evaluate on: val, train, test, or all.")
@click.option("--output", default="segzoo-evaluation", show_default=True, help="The folder for pictures and JSON.")
@form_option
@data_option
@click.option("--validation", type=float, help="The share, where DATA isn't split; that of the model's run by default.")
@click.option("--seed", type=int, help="Of that split; that of the model's run by default.")
@click.option(
    "--task",
    "tasks",
    type=click.Choice(("semantic", "instance", "panoptic")),
    multiple=True,
    help="What is scored beside classes; can be repeated.  [default: all that model and data can]",
)
@click.option("--head", help="Of a model with several, which one the data is about.")
@click.option("--flips", is_flag=True, help="Look at each image mirrored as well.")
@click.option("--scales", default="1", show_default=True, help="Sizes to look at each image in, such as 0.75,1,1.25.")
@click.option("--tile", type=click.IntRange(min=1), default=1024, show_default=True, help="Larger images are cut so.")
@click.option("--worst", type=click.IntRange(min=0), default=8, show_default=True, help="Images to show.")
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True, help="Processes that read images.")
@click.option("--skip-broken", is_flag=True, help="Leave out what can't be read, rather than stop.")
@device_option
@threads_option
@json_option
def evaluate(
    model: str,
    data: str,
    split: str,
    output: str,
    form: str | None,
    data_options: tuple[tuple[str, Any], ...],
    validation: float | None,
    seed: int | None,
    tasks: tuple[str, ...],
    head: str | None,
    flips: bool,
    scales: str,
    tile: int,
    worst: int,
    workers: int,
    skip_broken: bool,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Hold MODEL against DATA.

    MODEL is any folder or hub id that `segzoo.from_pretrained` takes, other libraries' included. A table of the classes
    is printed, with average precision and panoptic quality where data and model tell objects apart; the confusion
    matrix and the worst images are left as pictures.
    """
    import torch

    import segzoo
    from segzoo.data import open_dataset
    from segzoo.data import split as split_dataset
    from segzoo.data.dataset import TRAIN, VAL
    from segzoo.errors import OptionError
    from segzoo.evaluation import evaluate as hold

    if threads:
        torch.set_num_threads(threads)
    try:
        sizes = tuple(float(each) for each in scales.split(","))
    except ValueError as error:
        raise click.UsageError(f"--scales takes numbers such as 0.75,1,1.25, got {scales!r}") from error
    dataset = open_dataset(data, form, **dict(data_options))
    splits = {name: list(names) for name, names in dataset.splits().items()}
    if split in (TRAIN, VAL) and VAL not in splits:
        share, chance = _split_of_run(Path(model))
        splits = split_dataset(dataset, share if validation is None else validation, chance if seed is None else seed)
    if split == "all":
        names = [name for each in splits.values() for name in each]
    elif split in splits:
        names = splits[split]
    else:
        raise OptionError(f"{data} has no split {split!r}; it has {', '.join(splits)}; all takes them together")
    loaded = move(segzoo.from_pretrained(model), device)
    found = hold(
        loaded,
        dataset,
        names,
        tasks=tasks or None,
        head=head,
        flips=flips,
        scales=sizes,
        tile=tile,
        worst=worst,
        output=Path(output),
        workers=workers,
        broken="skip" if skip_broken else "raise",
    )
    if as_json:
        print_json(found.to_dict())
        return
    click.echo(found.table())
    click.echo(f"{len(found.images)} images" + (f", {len(found.skipped)} skipped" if found.skipped else ""))
    click.echo(f"confusion.png, worst.png and evaluation.json are in {output}", err=True)


def _split_of_run(model: Path) -> tuple[float, int]:
    """Share and seed by which the run that a model is of kept images for validation: others it has learnt from."""
    from segzoo.errors import OptionError
    from segzoo.training.settings import FILE, Settings, read_settings

    fields = Settings.model_fields
    beside = model.resolve().parent / FILE
    if beside.is_file():
        with suppress(OptionError):  # another program's file
            settings = read_settings(beside)
            return settings.validation, settings.seed
    return fields["validation"].default, fields["seed"].default
