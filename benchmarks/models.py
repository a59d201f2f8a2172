r"""Whole models of segmentation_models_pytorch (SMP) beside ours, from pixels to logits: processor time by runtime.

resnet34 with each of the eleven decoders that both have for it, with the same weights. How the two are measured is what
decoders.py does: a process with one thread for each side, in turn, and logits that have to agree before.

What is reported is theirs / ours, the median over rounds: 2 is half the time.

\b
eager           eval mode, without gradients
optimised       likewise, ours through segzoo.optimize; SMP has no such thing and runs as it is
onnx-exported  ONNX Runtime, exported for this size alone, ours by `segzoo export`

README.md has what was measured.
"""

from __future__ import annotations

from pathlib import Path

import click
from interleaved import DECODERS, RESNET, run

MODELS = [decoder for decoder, encoder in DECODERS.items() if encoder is RESNET]
RUNTIMES = ("eager", "optimised", "onnx-exported")


@click.command(help=__doc__, context_settings={"show_default": True, "max_content_width": 120})
@click.argument("decoders", nargs=-1, type=click.Choice(MODELS))
@click.option("--runtime", "runtimes", default=RUNTIMES[1:], multiple=True, type=click.Choice(RUNTIMES))
@click.option("--size", default=512, type=click.IntRange(64), help="Height and width.")
@click.option("--batch", default=1, type=click.IntRange(1))
@click.option("--rounds", default=3, type=click.IntRange(1), help="How often each side is measured.")
@click.option("--save", type=click.Path(path_type=Path), help="A file that results are appended to, one JSON a line.")
@click.option("--table", is_flag=True, help="Measure nothing; print the tables of the results in --save.")
def main(
    decoders: tuple[str, ...],
    runtimes: tuple[str, ...],
    size: int,
    batch: int,
    rounds: int,
    save: Path | None,
    table: bool,
) -> None:
    run(decoders or MODELS, runtimes, [size], [batch], rounds, save, table, whole=True)


if __name__ == "__main__":
    main()
