"""`segzoo compare`: which pair is best on data."""

from __future__ import annotations

from itertools import product
from typing import Any

import click

from segzoo.cli.parameters import KEY_VALUE, data_option, form_option, threads_option
from segzoo.cli.patterns import parts
from segzoo.cli.tables import json_option, print_json, print_table


@click.command(short_help="Train many pairs under one budget, and rank them.")
@click.argument("data")
@click.option("--encoder", "encoders", required=True, help="Names or patterns, separated by commas.")
@click.option("--decoder", "decoders", required=True, help="Names or patterns, separated by commas.")
@click.option("--output", default="segzoo-comparison", show_default=True, help="The folder for runs and results.")
@click.option("--steps", type=click.IntRange(min=1), help="Each pair's budget, in steps of the optimiser.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Each pair's budget, in minutes.")
@click.option("--no-prune", "prune", flag_value=False, default=True, type=bool, help="Train weak pairs to the end too.")
@click.option("--storage", help="Where several machines keep one study, such as postgresql://...; a file by default.")
@click.option("--pretrained/--no-pretrained", default=None, help="Start from published weights; if there are any.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Images of a step.  [default: 8]")
@form_option
@data_option
@click.option("--no-augment", "augment", flag_value=False, type=bool, default=None, help="Images as they are.")
@click.option("--seed", type=click.IntRange(min=0), help="Of all that chance decides.  [default: 0]")
@click.option("--workers", type=click.IntRange(min=0), help="Processes that read images.")
@click.option("--set", "others", type=KEY_VALUE, multiple=True, help="Any other setting, as `segzoo train` has them.")
@threads_option
@click.option("--quiet", is_flag=True, help="No progress bars.")
@json_option
def compare(
    data: str,
    encoders: str,
    decoders: str,
    output: str,
    prune: bool,
    storage: str | None,
    data_options: tuple[tuple[str, Any], ...],
    others: tuple[tuple[str, Any], ...],
    threads: int | None,
    quiet: bool,
    as_json: bool,
    **named: Any,
) -> None:
    r"""Train many pairs on DATA under one budget, and say which is best.

    Every encoder goes with every decoder. Pairs that fall behind are stopped early. The same command goes on with a
    comparison that was stopped.

    \b
    segzoo compare DATA --encoder 'resnet18,mit_b0' --decoder 'unet,fpn,segformer' --minutes 10
    """
    from segzoo.host.pair_names import PairName

    pairs = [
        pair
        for encoder, decoder in product(parts(encoders), parts(decoders))
        for pair in PairName.matching(f"{encoder}+{decoder}")
    ]
    import torch  # once the names are known to be right

    from segzoo.comparison import compare as run

    if threads:
        torch.set_num_threads(threads)
    settings = {name: value for name, value in named.items() if value is not None} | dict(others)
    if data_options:
        settings["data_options"] = dict(data_options)
    found = run(data, pairs, output, settings=settings, storage=storage, prune=prune, quiet=quiet)
    if as_json:
        print_json(found.to_dict())
        return
    rows = [
        {
            "pair": row.pair,
            "mIoU": "-" if row.miou is None else f"{row.miou:.3f}",
            "ms": "-" if row.cost is None else f"{row.cost.milliseconds:.1f}",
            "MiB": "-" if row.cost is None else f"{row.cost.total_memory:.0f}",
            "parameters": "-" if row.cost is None else f"{row.cost.parameters / 1e6:.2f} M",
            "state": row.state if row.state != "stopped" else f"stopped after {row.validations} validations",
            "reason": row.reason[:60],
        }
        for row in found.rows
    ]
    print_table(rows, "pair", False)
    if found.winner is not None:
        click.echo(f"the winner is {found.winner}: segzoo push {found.winner} USER/NAME publishes it", err=True)
    click.echo(f"comparison.png and comparison.json are in {output}", err=True)
