"""`segzoo predict`: what a model finds in images, as files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from segzoo.cli.parameters import device_option, threads_option
from segzoo.cli.tables import json_option, print_json, print_table

TASKS = ("semantic", "instance", "panoptic")
OUTPUTS = ("classes", "logits", "probabilities")
OF_CLASSES = ("save", "overlay", "polygons", "bands", "tile", "margin", "blend", "batch_size", "half", "flips",
              "scales", "force", "engine", "workers", "address")  # fmt: skip
OF_OBJECTS = ("threshold", "overlap", "top", "things")


@click.command(short_help="Segment images, rasters and folders of them.")
@click.argument("model")
@click.argument("paths", nargs=-1, required=True)
@click.option("--task", type=click.Choice(TASKS), default="semantic", show_default=True, help="What is asked.")
@click.option("--output", default="segzoo-predictions", show_default=True, help="The folder to leave files in.")
@click.option("--save", type=click.Choice(OUTPUTS), default="classes", show_default=True, help="What of each pixel.")
@click.option("--overlay/--no-overlay", default=None, help="Draw pictures to look at; by default of classes.")
@click.option("--polygons", is_flag=True, help="Save classes as polygons as well, in a GeoPackage.")
@click.option("--bands", help="Which of an image's bands the model sees, counted from 1, such as 3,2,1.")
@click.option("--tile", type=click.IntRange(min=1), default=1024, show_default=True, help="Larger images are cut so.")
@click.option("--margin", type=click.IntRange(min=0), help="Context around what counts of a tile.  [default: 96]")
@click.option("--blend", type=click.IntRange(min=0), help="Over how many pixels tiles fade.  [default: 64]")
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=1, show_default=True, help="Tiles to compute at once."
)
@click.option("--half", is_flag=True, help="Compute in bfloat16.")
@click.option("--flips", is_flag=True, help="Look at each tile mirrored as well.")
@click.option("--scales", default="1", show_default=True, help="Sizes to look at each tile in, such as 0.75,1,1.25.")
@click.option("--force", is_flag=True, help="Do again what an earlier run has left.")
@click.option("--engine", type=click.Choice(("local", "ray")), default="local", show_default=True, help="Who computes.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Ray: how many processes.")
@click.option("--address", help="Ray: of a cluster; this machine by default.")
@click.option("--threshold", type=float, help="Objects: keep what has a higher score.  [default: 0.5, panoptic 0.8]")
@click.option("--overlap", type=float, default=0.8, show_default=True, help="Panoptic: share that a mask has to win.")
@click.option("--top", type=int, default=100, show_default=True, help="Instance: the most objects of an image.")
@click.option("--things", help="Classes whose objects are told apart, such as car,7.")
@device_option
@threads_option
@json_option
@click.pass_context
def predict(
    context: click.Context,
    model: str,
    paths: tuple[str, ...],
    task: str,
    output: str,
    device: str,
    threads: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Segment the images at PATHS, which are files, folders or patterns, with MODEL.

    MODEL is any folder or hub id that `segzoo.from_pretrained` takes, other libraries' included, or, for classes, an
    ONNX or OpenVINO file that `segzoo export` wrote. Of each image a class map is left, indexed, and a picture to look
    at; or objects as COCO's JSON of results, or panoptic segments as PNG and JSON.

    Images may be larger than memory where classes are asked for: GeoTIFFs are read and written in windows, and stay
    where they are on the ground. What can't be read is told and left out, and a run that was stopped goes on when it
    is started again. Several devices, such as cuda:0,cuda:1, share the tiles.
    """
    import torch

    from segzoo.cli.predict_classes import predict_classes
    from segzoo.cli.predict_objects import predict_objects

    if threads:
        torch.set_num_threads(threads)
    mine, others = (OF_CLASSES, OF_OBJECTS) if task == "semantic" else (OF_OBJECTS, OF_CLASSES)
    for name in others:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name.replace('_', '-')} isn't for --task {task}")
    chosen = {name: options[name] for name in mine}
    if task == "semantic":
        rows = predict_classes(model, paths, Path(output), device, threads=threads, **chosen)
    else:
        rows = predict_objects(model, paths, Path(output), device, task, **chosen)
    broken = [row for row in rows if "error" in row]
    if as_json:
        print_json(rows)
    else:
        earlier = [row for row in rows if "found" not in row and "error" not in row]
        print_table([_told(row) for row in rows if "found" in row], "image", False)
        for count, what in ((len(earlier), "from before"), (len(broken), "left out")):
            if count:
                click.echo(f"{count} {what}")
        if len(broken) < len(rows):
            click.echo(f"what was found is in {output}", err=True)
    if broken:
        context.exit(1)


def _told(row: Mapping[str, Any]) -> dict[str, str]:
    found, area = row["found"], row["height"] * row["width"]
    if any("score" in each and each["score"] is not None for each in found):
        counted = Counter(each["class"] for each in found)
        told = ", ".join(f"{count} {name}" for name, count in counted.most_common())
    else:
        largest = sorted(found, key=lambda each: -each["area"])
        told = ", ".join(f"{each['class']} {each['area'] / area:.0%}" for each in largest)
    return {"image": Path(row["image"]).name, "size": f"{row['height']}x{row['width']}", "found": told or "nothing"}
