"""`segzoo bench`: what pairs cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segzoo.cli.parameters import IMAGE_SIZE, device_option, threads_option
from segzoo.cli.patterns import matching_decoders, matching_encoders, parts
from segzoo.cli.tables import json_option, print_json, print_table
from segzoo.errors import OptionError

if TYPE_CHECKING:
    from segzoo.benchmarking import Row

REASON = 60
"""Letters that a row has room for; --json has all."""


@click.command(short_help="Measure time, memory and size of pairs.")
@click.argument("encoders")
@click.argument("decoders")
@click.option("--runtime", "runtimes", default="eager", show_default=True, help="Of eager,optimised,compile,onnx.")
@click.option("--size", type=IMAGE_SIZE, default="512x512", show_default=True, help="The images'.")
@click.option("--batch-size", type=click.IntRange(min=1), default=1, show_default=True, help="Images in a forward.")
@click.option("--classes", type=click.IntRange(min=1), default=19, show_default=True, help="Of the models.")
@threads_option
@device_option
@click.option("--rounds", type=click.IntRange(min=1), help="Forwards to time; by default a second of them, 5 at least.")
@click.option("--half", is_flag=True, help="Half precision.")
@click.option("--plot", "plot_path", metavar="FILE", help="Draw latency against parameters as PNG, or against mIoU.")
@click.option("--scores", "scores_path", metavar="PATH", help="What `segzoo compare` left: mIoU for table and plot.")
@click.option("--force", is_flag=True, help="Replace the picture if it is there.")
@json_option
def bench(
    encoders: str,
    decoders: str,
    runtimes: str,
    batch_size: int,
    plot_path: str | None,
    scores_path: str | None,
    force: bool,
    as_json: bool,
    **conditions: Any,
) -> None:
    r"""Measure time, memory, parameters and multiply-adds of ENCODERS with DECODERS.

    Both are names or patterns, separated by commas. Each pair in each runtime has a process of its own, and what can't
    be measured is a row with its reason. Stopped by Ctrl-C, it writes what it has by then. The exit code is 1 when
    nothing could be measured.

    \b
    segzoo bench 'resnet18,mit_b0' 'unet*,segformer' --runtime eager,optimised,onnx --plot pairs.png
    """
    from segzoo.host.pair_names import PairName

    pairs = [
        PairName(encoder, decoder)
        for encoder in matching_encoders(_given(encoders))
        for decoder in matching_decoders(_given(decoders))
    ]
    from segzoo.benchmarking import Conditions  # once the names are known to be right
    from segzoo.benchmarking import bench as run
    from segzoo.benchmarking.plotting import read_scores, save_plot

    if plot_path:
        _check_output(plot_path, force)
        from segzoo.pictures import dark_figure

        dark_figure(1, 1)  # or an error that says what to install
    scores = read_scores(scores_path) if scores_path else None
    if scores is not None and not any(str(pair) in scores for pair in pairs):
        raise OptionError(f"{scores_path} has no mIoU of these pairs, but of {', '.join(scores) or 'none'}")
    found = run(pairs, parts(runtimes), Conditions(batch=batch_size, **conditions))
    if as_json:
        print_json(found.to_dict())
    else:
        print_table([_cells(row, scores) for row in found.rows], "row", as_json=False)
        click.echo(f"{found.conditions}; {found.processor}", err=True)
    if all(row.cost is None for row in found.rows):
        raise SystemExit(1)
    if plot_path:
        save_plot(found, plot_path, scores)


def _given(text: str) -> list[str]:
    """Names or patterns.

    :raises OptionError: for none.
    """
    if not (found := parts(text)):
        raise OptionError(f"expected names or patterns, separated by commas, got {text!r}; '*' is all")
    return found


def _check_output(path: str, force: bool) -> None:
    from segzoo.files import check_writable

    if Path(path).exists() and not force:
        raise OptionError(f"{path} exists; give another name, or --force")
    check_writable(path)


def _cells(row: Row, scores: dict[str, float] | None) -> dict[str, str]:
    cost = row.cost
    miou = {} if scores is None else {"mIoU": f"{scores[row.pair]:.3f}" if row.pair in scores else "-"}
    if cost is None:
        names = ("ms", "+-", "images/s", "MiB", "parameters", "multiply-adds", "ready")
        cells = dict.fromkeys(names, "-")
    else:
        cells = {
            "ms": f"{cost.milliseconds:.1f}",
            "+-": f"{cost.spread:.1f}",
            "images/s": f"{cost.throughput:.1f}",
            "MiB": "-" if cost.memory is None else f"{cost.memory:.0f}",
            "parameters": f"{cost.parameters / 1e6:.2f} M",
            "multiply-adds": f"{cost.multiply_adds / 1e9:.2f} G",
            "ready": f"{cost.ready:.1f} s",
        }
    return {"pair": row.pair, "runtime": row.runtime, **cells, **miou, "reason": row.reason[:REASON]}
