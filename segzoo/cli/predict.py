"""`segzoo predict`: what a model finds in images, as files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segzoo.cli.devices import move
from segzoo.cli.parameters import device_option, threads_option
from segzoo.cli.tables import json_option, print_json, print_table

if TYPE_CHECKING:
    from segzoo.labels import Labels
    from segzoo.segmentation.findings import Finding

TASKS = ("semantic", "instance", "panoptic")


@click.command()
@click.argument("model")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--task", type=click.Choice(TASKS), default="semantic", show_default=True, help="What is asked.")
@click.option("--output", default="segzoo-predictions", show_default=True, help="The folder to leave files in.")
@click.option("--threshold", type=float, help="Keep what has a higher score.  [default: 0.5, panoptic 0.8]")
@click.option("--overlap", type=float, default=0.8, show_default=True, help="Panoptic: share that a mask has to win.")
@click.option("--top", type=int, default=100, show_default=True, help="Instance: the most objects of an image.")
@click.option("--things", help="Classes whose objects are told apart, such as car,7.")
@device_option
@threads_option
@json_option
def predict(
    model: str,
    paths: tuple[Path, ...],
    task: Any,
    output: str,
    threshold: float | None,
    overlap: float,
    top: int,
    things: str | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Segment the images at PATHS, which are files or folders of them, with MODEL.

    MODEL is any folder or hub id that `segzoo.from_pretrained` takes, other libraries' included. Of each image a
    picture is left with what was found in it; besides, class maps as indexed PNG, objects as COCO's JSON of results,
    or panoptic segments as PNG and JSON.
    """
    import torch
    from tqdm import tqdm

    import segzoo
    from segzoo.data.reading import in_colour, read_image
    from segzoo.errors import InputError
    from segzoo.segmentation.findings import findings
    from segzoo.segmentation.writing import Writer

    if threads:
        torch.set_num_threads(threads)
    files = _pictures(paths)
    loaded = move(segzoo.from_pretrained(model), device)
    ((head, classes), *_) = loaded.head.classes.heads.items()
    labels = loaded.labels.get(head, segzoo.Labels())
    chosen = None if things is None else _numbers(things, labels)
    if chosen is not None:
        labels = segzoo.Labels(labels.names, labels.palette, chosen)
        labels.check(head, classes)
    if classes == 1 and task == "semantic":  # a map of one class holds 1 where it is
        labels = segzoo.Labels(("nothing", labels.name(0)))
    writer = Writer(Path(output), task, labels, classes)
    _check_overwriting(files, writer)
    precision = next(loaded.parameters()).dtype
    rows = []
    for path in tqdm(files, desc="predicting", unit="image", delay=2, disable=len(files) == 1):
        image = read_image(path)
        if loaded.plan.request.in_channels == 3:
            image = in_colour(image)
        try:
            pixels = loaded.preprocessing(image).to(precision)
            result: Any = loaded.segment(pixels, task, threshold=threshold, overlap=overlap, top=top, things=chosen)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        found = findings(result)
        writer.add(path.stem, path.name, image, result, found)
        rows.append(_row(path, image.shape, found, labels, as_json))
    writer.finish()
    if as_json:
        print_json(rows)
    else:
        print_table(rows, "image", False)
        click.echo(f"what was found is in {output}", err=True)


def _pictures(paths: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders.

    :raises DataError: for nothing to read, or two of one name.
    """
    from segzoo.data.reading import PICTURES
    from segzoo.errors import DataError

    files: list[Path] = []
    for path in paths:
        inside = sorted(each for each in path.iterdir() if each.suffix.lower() in PICTURES) if path.is_dir() else [path]
        if not inside:
            raise DataError(f"there are no images in {path}; their names end in {', '.join(sorted(PICTURES))}")
        files += inside
    name, count = Counter(path.stem for path in files).most_common(1)[0]
    if count > 1:
        raise DataError(f"{count} images are called {name!r}, and so would be their results; predict them one by one")
    return files


def _check_overwriting(files: Sequence[Path], writer: Any) -> None:
    """See that no image is replaced by what is found in it."""
    from segzoo.errors import OptionError

    images = {path.resolve() for path in files}
    for path in files:
        for written in writer.files(path.stem):
            if written.resolve() in images:
                raise OptionError(f"{written} is an image that would be overwritten; give another folder as --output")


def _numbers(things: str, labels: Labels) -> tuple[int, ...]:
    """Classes by name or number."""
    from segzoo.errors import OptionError

    numbers = []
    for each in filter(None, (part.strip() for part in things.split(","))):
        if each in labels.names:
            numbers.append(labels.names.index(each))
        elif each.isascii() and each.isdigit():
            numbers.append(int(each))
        else:
            raise OptionError(
                f"there is no class {each!r}; the model has {', '.join(labels.names) or 'no names for its classes'}"
            )
    return tuple(numbers)


def _row(path: Path, shape: tuple[int, ...], found: Sequence[Finding], labels: Labels, as_json: bool) -> dict[str, Any]:
    height, width = shape[:2]
    if as_json:
        plain = [
            {"class": labels.name(each.label), "score": each.score, "area": each.area, "box": list(each.box)}
            for each in found
        ]
        return {"image": str(path), "height": height, "width": width, "found": plain}
    counted = Counter(labels.name(each.label) for each in found)
    if any(each.score is not None for each in found):
        told = ", ".join(f"{count} {name}" for name, count in counted.most_common())
    else:
        told = ", ".join(f"{labels.name(each.label)} {each.area / (height * width):.0%}" for each in found)
    return {"image": path.name, "size": f"{height}x{width}", "found": told or "nothing"}
