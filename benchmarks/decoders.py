r"""Each decoder of segmentation_models_pytorch (SMP) beside ours: processor time by runtime, and memory in training.

Decoder and head of both, with the same weights, at the options at which they compute the same. Each side lives in a
process of its own, with one thread; the two run in turn and never at once, so that neither profits from memory that the
other left, and whatever else the machine does falls on both. Logits have to agree before anything is measured.

What is reported is theirs / ours, the median over rounds: 2 is half the time, or half the memory.

\b
eager       from maps to logits, eval mode, without gradients
optimised   likewise, ours through segzoo.optimize; SMP has no such thing and runs as it is
compile     torch.compile, for this size
onnx        ONNX Runtime, exported for this size alone
onnx-32     ONNX Runtime, exported at another size, for sides that are multiples of 32
training    forward and backward, down to the maps and all parameters
memory      what autograd keeps from the forward for the backward pass

README.md has what was measured.
"""

from __future__ import annotations

from pathlib import Path

import click
import side
from interleaved import DECODERS, run

RUNTIMES = tuple(name for name in side.RUNTIMES if name != "onnx-exported")


@click.command(help=__doc__, context_settings={"show_default": True, "max_content_width": 120})
@click.argument("decoders", nargs=-1, type=click.Choice(list(DECODERS)))
@click.option("--runtime", "runtimes", multiple=True, type=click.Choice(RUNTIMES), help="All if not given.")
@click.option("--size", "sizes", default=[256], multiple=True, type=click.IntRange(64), help="Height and width.")
@click.option("--batch", "batches", default=[2], multiple=True, type=click.IntRange(1))
@click.option("--rounds", default=3, type=click.IntRange(1), help="How often each side is measured.")
@click.option("--save", type=click.Path(path_type=Path), help="A file that results are appended to, one JSON a line.")
@click.option("--table", is_flag=True, help="Measure nothing; print the tables of the results in --save.")
def main(
    decoders: tuple[str, ...],
    runtimes: tuple[str, ...],
    sizes: tuple[int, ...],
    batches: tuple[int, ...],
    rounds: int,
    save: Path | None,
    table: bool,
) -> None:
    run(decoders or tuple(DECODERS), runtimes or RUNTIMES, sizes, batches, rounds, save, table)


if __name__ == "__main__":
    main()
