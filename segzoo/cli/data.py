"""`segzoo data`: what a dataset holds, checked before anything trains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segzoo.cli.parameters import IMAGE_SIZE, data_option, form_option
from segzoo.cli.tables import json_option, print_json

if TYPE_CHECKING:
    from segzoo.data.checking import DataReport

NAMED = 20  # samples with errors that are listed


class _CheckByDefault(click.Group):
    """What is no command is a dataset."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["check", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_CheckByDefault, short_help="Check a dataset before anything trains.")
def data() -> None:
    """Check the dataset DATA before anything trains: `segzoo data DATA`.

    A folder called as one of the commands below is given as ./NAME.
    """


@data.command(short_help="Read all of DATA, and say what is wrong with it.")
@click.argument("data")
@form_option
@data_option
@click.option("--validation", type=float, default=0.2, show_default=True, help="Share or number, if unsplit.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of that split.")
@click.option("--output", default="data-sheet.png", show_default=True, help="A picture of some images and masks.")
@json_option
def check(
    data: str,
    form: str | None,
    data_options: tuple[tuple[str, Any], ...],
    validation: float,
    seed: int,
    output: str,
    as_json: bool,
) -> None:
    """Read all of DATA: pairs, sizes, channels, classes, and what can't be used.

    The exit code is 1 when there is something that can't be.
    """
    from segzoo.data import split
    from segzoo.data.checking import check as look
    from segzoo.data.opening import find
    from segzoo.data.sheet import draw_sheet
    from segzoo.files import check_writable

    check_writable(output)
    opened = find(data, form, **dict(data_options))
    splits = split(opened.dataset, validation, seed)
    report = look(opened.dataset, splits)
    usable = [name for names in splits.values() for name in names if name not in report.errors]
    draw_sheet(Path(output), opened.dataset, usable)
    if as_json:
        print_json({"form": opened.form, "recognised_by": opened.why, "sheet": output, **report.to_dict()})
    else:
        click.echo(f"{data} is read as {opened.form}" + (f": {opened.why}" if opened.why else ""))
        _print(report)
        click.echo(f"look at {output}", err=True)
    if report.errors:
        raise SystemExit(1)


@data.command("make-scenes", short_help="Write the demo's scenes of handwritten digits.")
@click.argument("folder")
@click.option("--train", type=click.IntRange(min=1), default=1024, show_default=True, help="Scenes to train on.")
@click.option("--val", type=click.IntRange(min=1), default=256, show_default=True, help="Scenes to validate on.")
@click.option("--size", type=IMAGE_SIZE, default="64", show_default=True, help="Of the scenes, which are square.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Other scenes.")
def make_scenes(folder: str, train: int, val: int, size: tuple[int, int], seed: int) -> None:
    """Write the demo's scenes of handwritten digits to FOLDER, as images and masks."""
    from segzoo.demo.scenes import write_scenes

    side, width = size
    if side != width:
        raise click.UsageError(f"scenes are square: give --size {side} or {width}, not {side}x{width}")
    write_scenes(folder, train=train, val=val, size=side, seed=seed)
    click.echo(f"{train} scenes to train on and {val} to validate on are in {folder}", err=True)


def _print(report: DataReport) -> None:
    from tabulate import tabulate

    def size(pixels: tuple[int, int]) -> str:
        return f"{pixels[0]}x{pixels[1]}"

    rows = [
        [name, each.samples, size(each.smallest), size(each.middle), size(each.largest), ", ".join(each.types),
         f"{each.ignored:.1%}"]
        for name, each in report.splits.items()
    ]  # fmt: skip
    heads = ["split", "samples", "smallest", "median", "largest", "values", "ignored"]
    click.echo(f"\n{tabulate(rows, heads, disable_numparse=True)}\n{report.channels} channels\n")
    shares = []
    for number, label in enumerate(report.classes):
        of_splits = []
        for split in report.splits.values():
            share = split.pixels[number] / max(1, sum(split.pixels))
            of_splits += [f"{share:.2%}", split.images[number]]
            if split.objects is not None:
                of_splits.append(split.objects[number])
        shares.append([label, *of_splits])
    heads = ["class"]
    for name, split in report.splits.items():
        heads += [f"{name}: pixels", "images", *([] if split.objects is None else ["objects"])]
    click.echo(tabulate(shares, heads, disable_numparse=True))
    for text in report.warnings:
        click.echo(f"Warning: {text}", err=True)
    for number, (name, text) in enumerate(report.errors.items()):
        if number == NAMED:
            click.echo(f"and {len(report.errors) - NAMED} more", err=True)
            break
        click.echo(f"Error: {text if name in text else f'{name}: {text}'}", err=True)
