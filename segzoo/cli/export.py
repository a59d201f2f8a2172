"""`segzoo export`: a model as a file that another runtime executes."""

from __future__ import annotations

from pathlib import Path

import click

from segzoo.cli.parameters import IMAGE_SIZE, threads_option
from segzoo.cli.tables import json_option, print_json


@click.command(short_help="Write MODEL for another runtime, and verify it.")
@click.argument("model")
@click.option("--to", default="onnx", show_default=True, help="onnx, torch-export, aoti or openvino.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The file: .onnx, .pt2 or .xml.")
@click.option("--size", type=IMAGE_SIZE, help="The only size that it takes; any by default.")
@click.option("--batch-size", type=click.IntRange(min=1), help="The only batch that it takes; any by default.")
@click.option("--with-preprocessing", is_flag=True, help="Take pictures of 8 bits, and normalise them inside.")
@click.option("--class-map", is_flag=True, help="Give classes in place of logits.")
@click.option("--half", is_flag=True, help="Compute in float16.")
@click.option("--int8", is_flag=True, help="Compute in int8, which needs --calibration.")
@click.option("--calibration", type=click.Path(path_type=Path), help="A folder of pictures, for --int8.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@threads_option
@json_option
def export(
    model: str,
    to: str,
    output: Path,
    size: tuple[int, int] | None,
    batch_size: int | None,
    with_preprocessing: bool,
    class_map: bool,
    half: bool,
    int8: bool,
    calibration: Path | None,
    force: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Write MODEL for another runtime, after it was run there and gave what the model gives.

    MODEL is any folder or hub id that `segzoo.from_pretrained` takes, other libraries' included. Batch, height and
    width stay open unless --batch-size and --size fix them. `segzoo.runtime` runs .onnx and .xml without torch.
    """
    if int8 != (calibration is not None):
        raise click.UsageError("--int8 and --calibration FOLDER go together")

    import torch

    import segzoo

    if threads:
        torch.set_num_threads(threads)
    done = segzoo.export(
        segzoo.from_pretrained(model),
        output,
        to,
        size=size,
        batch=batch_size,
        with_preprocessing=with_preprocessing,
        classes=class_map,
        half=half,
        calibration=calibration,
        force=force,
    )
    if as_json:
        print_json(
            {
                "path": str(done.path),
                "target": done.manifest.target,
                "difference": done.difference,
                "verified": [{"shape": each.shape, "difference": each.difference} for each in done.verified],
            }
        )
    else:
        click.echo(str(done))
