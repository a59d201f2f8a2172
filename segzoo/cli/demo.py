"""`segzoo demo`: the main job, on real input, in minutes."""

from __future__ import annotations

import click

from segzoo.cli.parameters import threads_option
from segzoo.cli.tables import json_option, print_table

MINUTES, OBJECT_MINUTES = 10, 40
"""Within which a demo ends; a machine of two cores needs half of it."""


@click.command(short_help="Train a few pairs on drawn scenes, and compare them.")
@click.option(
    "--pair",
    "pairs",
    metavar="ENCODER+DECODER",
    multiple=True,
    help="What to train: names or patterns, such as 'resnet18+*'; can be repeated.",
)
@click.option("--objects", is_flag=True, help="Tell overlapping digits apart, by decoders of queries.")
@click.option("--steps", type=click.IntRange(min=1), help="Training steps of each pair.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="For all pairs together, at most; fewer steps where need be.  [default: 10, with --objects 40]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Other scenes, other weights.")
@click.option("--output", default="segzoo-demo", show_default=True, help="The folder to leave the report in.")
@click.option("--image", help="A photograph to run the trained models on: best bright digits on a dark ground.")
@threads_option
@json_option
def demo(
    pairs: tuple[str, ...],
    objects: bool,
    steps: int | None,
    minutes: float | None,
    seed: int,
    output: str,
    image: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Mix encoders with decoders, train each briefly, and compare them.

    The data are scenes of handwritten digits that need no download. A comparison picture, the scores and the plans
    are left in a folder, with the models, which `segzoo show` and `segzoo predict` take. By default: resnet18+unet,
    mit_b0+segformer and xcit_nano_12_p8_224+fpn, in five minutes on two processor cores; in ten on any machine, with
    fewer steps where it is slow.

    With --objects mask2former and eomt, which need a quarter of an hour each; objects.png shows what they find.
    """
    import torch

    from segzoo.demo import DEFAULT_PAIRS, DEFAULT_STEPS, PairName, run

    if threads:
        torch.set_num_threads(threads)
    if objects:
        _tell_apart(pairs, steps, minutes, seed, output, image, as_json)
        return
    trained = run(
        [pair for text in pairs for pair in PairName.matching(text)] or DEFAULT_PAIRS,
        steps=steps or DEFAULT_STEPS,
        minutes=minutes or MINUTES,
        seed=seed,
        output=output,
        image=image,
    )
    rows = [each.to_dict() for each in trained]
    if not as_json:
        rows = [
            {
                "pair": row["pair"],
                "parameters": f"{row['parameters'] / 1e6:.2f} M",
                "seconds": f"{row['seconds']:.0f}",
                "mIoU": f"{row['miou']:.3f}",
            }
            for row in rows
        ]
    print_table(rows, "model", as_json)
    click.echo(f"\nLook at {output}/comparison.png", err=True)
    _say_where(output, str(trained[0].pair))


def _tell_apart(
    pairs: tuple[str, ...],
    steps: int | None,
    minutes: float | None,
    seed: int,
    output: str,
    image: str | None,
    as_json: bool,
) -> None:
    from segzoo.demo.objects import OBJECT_PAIRS, run_objects

    if image:
        raise click.UsageError("--image is for the demo without --objects; `segzoo predict` finds objects in images")
    chosen = [pair for pair in OBJECT_PAIRS if not pairs or str(pair.name) in pairs]
    if len(chosen) < len(pairs):
        known = " and ".join(str(pair.name) for pair in OBJECT_PAIRS)
        raise click.UsageError(f"--objects has the pairs {known}; `segzoo train` trains any other")
    trained = run_objects(chosen, steps=steps, minutes=minutes or OBJECT_MINUTES, seed=seed, output=output)
    rows = [each.to_dict() for each in trained]
    if not as_json:
        rows = [
            {
                "pair": row["pair"],
                "parameters": f"{row['parameters'] / 1e6:.2f} M",
                "seconds": f"{row['seconds']:.0f}",
                "mIoU": f"{row['miou']:.3f}",
                "PQ": f"{row['pq']:.3f}",
                "AP": f"{row['ap']:.3f}",
                "AP50": f"{row['ap50']:.3f}",
            }
            for row in rows
        ]
    print_table(rows, "model", as_json)
    click.echo(f"\nLook at {output}/objects.png", err=True)
    _say_where(output, str(trained[0].pair))


def _say_where(output: str, pair: str) -> None:
    click.echo(f"The models are in {output}/models: segzoo predict '{output}/models/{pair}' PICTURE", err=True)
