r"""Decoders and whole models of segmentation_models_pytorch (SMP) beside ours on a GPU: time and memory.

resnet34 (vit_tiny_patch16_224 for DPT), the same weights. Each side lives in a process of its own, and the two run in
turn, never at once. Logits in full float32 have to agree before anything is measured. What is timed is the clock from
an idle GPU to an idle GPU, the median of the runs that fit into a second.

What is reported is theirs / ours, the median over rounds: 2 is half the time, or half the memory.

\b
eager      float32, as torch comes (which lets convolutions round to TF32)
compile    likewise, by torch.compile, for this size
bf16       torch.autocast to bfloat16
\b
inference  eval mode, without gradients, and the most that torch allocates meanwhile, beyond weights and inputs
training   forward and backward, likewise
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import gpu_side
import numpy as np
import torch
from interleaved import CLASSES, DECODERS, Process
from tabulate import tabulate
from tqdm import tqdm

TOLERANCE = 1e-3
"""By how much logits may differ, as a fraction of the largest: a GPU adds up in another order."""
PARTS = ("decoder", "model")


@dataclass
class Result:
    """Milliseconds and MiB of each side, theirs first, or why there are none; ratios are medians over rounds."""

    part: str
    decoder: str
    mode: str
    work: str
    milliseconds: tuple[float, float] = (0.0, 0.0)
    mib: tuple[float, float] = (0.0, 0.0)
    time: float = 0.0
    memory: float = 0.0
    failure: str = ""


def compare(
    part: str, decoder: str, modes: Sequence[str], shape: tuple[int, ...], rounds: int, device: str
) -> Iterator[Result]:
    """Measure a decoder, or the whole model, in each mode."""
    whole = part == "model"
    with TemporaryDirectory() as folder, Process() as theirs, Process() as ours:
        arguments = {**DECODERS[decoder], "classes": CLASSES}
        theirs(gpu_side.build_theirs, decoder, arguments, shape, Path(folder), whole, device)
        ours(gpu_side.build_ours, shape, Path(folder), whole, device)
        expected, logits = theirs(gpu_side.logits), ours(gpu_side.logits)
        difference = np.abs(logits - expected).max() / np.abs(expected).max()
        for mode, work in product(modes, gpu_side.WORK):
            result = Result(part, decoder, mode, work)
            if difference > TOLERANCE:
                result.failure = f"logits differ by {difference:.1e} of the largest"
            else:
                try:
                    _fill(result, theirs, ours, mode, work, rounds)
                except Exception as error:  # a row that says so, also where a process died
                    result.failure = str(error) or type(error).__name__
            yield result


def _fill(result: Result, theirs: Process, ours: Process, mode: str, work: str, rounds: int) -> None:
    for name, process in (("theirs", theirs), ("ours", ours)):
        try:
            process(gpu_side.prepare, mode, work)
        except Exception as error:
            raise RuntimeError(f"{name}: {error}") from None
    pairs = [(theirs(gpu_side.measure), ours(gpu_side.measure)) for _ in range(rounds)]
    for field, ratio, number in (("milliseconds", "time", 0), ("mib", "memory", 1)):
        values = [(their[number], our[number]) for their, our in pairs]
        setattr(result, field, tuple(statistics.median(each) for each in zip(*values, strict=True)))
        setattr(result, ratio, statistics.median(their / our for their, our in values) if values[0][1] else 0.0)


def tables(results: Sequence[Result]) -> str:
    """Markdown: for each part a row for each decoder, then what failed."""
    modes = list(dict.fromkeys(result.mode for result in results))
    columns = list(product(gpu_side.WORK, ("time", "memory"), modes))
    texts = []
    for part in dict.fromkeys(result.part for result in results):
        rows, all_ratios = [], {column: [] for column in columns}
        for decoder in dict.fromkeys(result.decoder for result in results if result.part == part):
            found = {(each.mode, each.work): each for each in results if (each.part, each.decoder) == (part, decoder)}
            row = [decoder]
            for work, quantity, mode in columns:
                result = found.get((mode, work))
                ratio = getattr(result, quantity) if result else 0.0
                if ratio:
                    all_ratios[work, quantity, mode].append(ratio)
                row.append("fails" if result and result.failure else f"{ratio:.2f}" if ratio else "")
            rows.append(row)
        means = [f"{statistics.geometric_mean(each):.2f}" if each else "" for each in all_ratios.values()]
        header = [part, *(f"{work} {quantity}, {mode}" for work, quantity, mode in columns)]
        texts.append(tabulate([*rows, ["**geometric mean**", *means]], header, "github", disable_numparse=True))
    failures = [
        f"- {each.part} {each.decoder}, {each.mode}, {each.work}: {each.failure}" for each in results if each.failure
    ]
    return "\n\n".join([*texts, "\n".join(failures)]).strip()


@click.command(help=__doc__, context_settings={"show_default": True, "max_content_width": 120})
@click.argument("decoders", nargs=-1, type=click.Choice(list(DECODERS)))
@click.option("--part", "parts", default=PARTS, multiple=True, type=click.Choice(PARTS), help="Alone, or with encoder.")
@click.option("--mode", "modes", default=gpu_side.MODES, multiple=True, type=click.Choice(gpu_side.MODES))
@click.option("--size", default=512, type=click.IntRange(64), help="Height and width.")
@click.option("--batch", default=8, type=click.IntRange(1))
@click.option("--rounds", default=3, type=click.IntRange(1), help="How often each side is measured.")
@click.option("--device", default="cuda", help="cpu tries the code, and says nothing about memory.")
@click.option("--save", type=click.Path(path_type=Path), help="A file that results are appended to, one JSON a line.")
def main(
    decoders: tuple[str, ...],
    parts: tuple[str, ...],
    modes: tuple[str, ...],
    size: int,
    batch: int,
    rounds: int,
    device: str,
    save: Path | None,
) -> None:
    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        raise click.ClickException(f"torch {torch.__version__} sees no GPU; --device cpu tries the code without one")
    results, cases = [], list(product(parts, decoders or DECODERS))
    with tqdm(total=len(cases) * len(modes) * len(gpu_side.WORK), unit="result") as progress:
        for part, decoder in cases:
            progress.set_description(f"{part} {decoder}")
            for result in compare(part, decoder, modes, (batch, 3, size, size), rounds, device):
                progress.update()
                results.append(result)
                if save is not None:
                    with save.open("a") as file:
                        print(json.dumps(asdict(result)), file=file)
    name = torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else "CPU"
    click.echo(f"{name}, torch {torch.__version__}, batch {batch}, {size}x{size}; theirs / ours:\n\n{tables(results)}")


if __name__ == "__main__":
    main()
