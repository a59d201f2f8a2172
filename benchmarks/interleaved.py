"""Both sides in turn, each in a process of its own, and tables of what was measured."""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import side
from tabulate import tabulate
from tqdm import tqdm

TOLERANCE = 1e-4
"""By how much logits may differ, as a fraction of the largest."""
CLASSES = 19
EXPORTED = "onnx-exported"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
RESNET = {"encoder_name": "resnet34"}
VIT = {"encoder_name": "tu-vit_tiny_patch16_224", "dynamic_img_size": True}
DECODERS: dict[str, dict[str, Any]] = {
    "unet": RESNET,
    "unetplusplus": RESNET,
    "manet": RESNET,
    "linknet": RESNET,
    "fpn": RESNET,
    "pspnet": RESNET,
    "deeplabv3": RESNET,
    "deeplabv3plus": RESNET,
    "pan": RESNET,
    "upernet": RESNET,
    "segformer": RESNET,
    "dpt": VIT,
}
"""SMP's twelve, by SMP's names, and whose maps each is given, in the arguments of SMP's `create_model`."""


class Process:
    """One side's process."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def __call__(self, function: Any, *arguments: Any) -> Any:
        """Call a function of `side` over there, and wait."""
        return self._pool.submit(function, *arguments).result()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()


@dataclass
class Result:
    """A decoder at one size in one runtime: milliseconds (MiB for memory) of each side, or why there are none.

    :ivar ratio: theirs / ours, the median over rounds.
    """

    decoder: str
    batch: int
    size: int
    runtime: str
    theirs: float = math.nan
    ours: float = math.nan
    ratio: float = math.nan
    failure: str = ""

    @property
    def where(self) -> str:
        return f"{self.decoder}, batch {self.batch}, {self.size}x{self.size}, {self.runtime}"

    @property
    def values(self) -> str:
        return f"{self.theirs:.1f} / {self.ours:.1f} {'MiB' if self.runtime == 'memory' else 'ms'}"

    def __str__(self) -> str:
        return "fails" if self.failure else f"{self.ratio:.2f}"


def compare(
    decoder: str, batch: int, size: int, runtimes: Sequence[str], rounds: int, whole: bool = False
) -> Iterator[Result]:
    """Measure one decoder at one size, in one runtime after the other.

    :param whole: with its encoder.
    """
    arguments, shape = {**DECODERS[decoder], "classes": CLASSES}, (batch, 3, size, size)
    with TemporaryDirectory() as folder, Process() as theirs, Process() as ours:
        theirs(side.build_theirs, decoder, arguments, shape, Path(folder), whole)
        ours(side.build_ours, shape, Path(folder), whole)
        expected = theirs(side.prepare, "eager")
        for runtime in runtimes:
            result = Result(decoder, batch, size, runtime)
            try:
                if runtime == EXPORTED:
                    with exported(theirs, shape, folder) as their_file, exported(ours, shape, folder) as our_file:
                        measure(result, their_file, our_file, expected, rounds)
                else:
                    measure(result, theirs, ours, expected, rounds)
            except RuntimeError as error:
                result.failure = str(error)
            yield result


@contextmanager
def exported(process: Process, shape: tuple[int, ...], folder: str) -> Iterator[Process]:
    """A new process that holds nothing but what a side exported: its memory is not what the export left.

    :raises RuntimeError: when it can't be exported.
    """
    with TemporaryDirectory(dir=folder) as inner, Process() as alone:
        file = Path(inner, "model.onnx")
        process(side.export, file)
        alone(side.load, file, shape)
        yield alone


def measure(result: Result, theirs: Process, ours: Process, expected: np.ndarray, rounds: int) -> None:
    """Fill in a result, from two processes in turn."""
    failures = {"theirs": prepare(theirs, result.runtime, expected), "ours": prepare(ours, result.runtime, expected)}
    result.failure = "; ".join(f"{name}: {each}" for name, each in failures.items() if each)
    if result.failure:
        return
    scale = 1 if result.runtime == "memory" else 1000
    pairs = [(theirs(side.measure) * scale, ours(side.measure) * scale) for _ in range(rounds)]
    result.theirs, result.ours = (statistics.median(each) for each in zip(*pairs, strict=True))
    result.ratio = statistics.median(theirs / ours for theirs, ours in pairs)


def prepare(process: Process, runtime: str, expected: np.ndarray) -> str:
    """Make a side ready for a runtime.

    :returns: why it can't be measured; empty if it can.
    """
    try:
        logits = process(side.prepare, runtime)
    except Exception as error:  # a row that says so, also where the process itself died
        return str(error) or type(error).__name__
    if logits is None:
        return ""
    if logits.shape != expected.shape:
        return f"logits of shape {logits.shape}, not {expected.shape}"
    difference = np.abs(logits - expected).max() / np.abs(expected).max()
    return "" if difference <= TOLERANCE else f"logits differ by {difference:.1e} of the largest"


def tables(results: Sequence[Result]) -> str:
    """Markdown: the geometric means, then the decoders at each size, then what failed. Of equals the last counts."""
    latest = list({(each.decoder, each.batch, each.size, each.runtime): each for each in results}.values())
    runtimes = [runtime for runtime in side.RUNTIMES if any(each.runtime == runtime for each in latest)]
    means, parts = [], []
    for batch, size in sorted({(each.batch, each.size) for each in latest}):
        case = f"batch {batch}, {size}x{size}"
        cells = {(each.decoder, each.runtime): each for each in latest if (each.batch, each.size) == (batch, size)}
        rows = [
            [decoder, *(str(cells.get((decoder, runtime), "")) for runtime in runtimes)]
            for decoder in DECODERS
            if any(each == decoder for each, _ in cells)
        ]
        measured = [[each for each in cells.values() if each.runtime == runtime] for runtime in runtimes]
        mean = [geometric_mean(each, len(rows)) for each in measured]
        means.append([case, *mean])
        parts.append(f"{case.capitalize()}:\n\n{markdown([*rows, ['**geometric mean**', *mean]], 'decoder', runtimes)}")
    failures = [f"- {each.where}: {each.failure}" for each in latest if each.failure]
    return "\n\n".join([markdown(means, "geometric mean", runtimes), *parts, "\n".join(failures)]).strip()


def markdown(rows: Sequence[Sequence[str]], first: str, runtimes: Sequence[str]) -> str:
    return tabulate(rows, [first, *runtimes], "github", disable_numparse=True)


def geometric_mean(results: Sequence[Result], decoders: int) -> str:
    """Of the ratios, with how many they are where not all decoders were measured."""
    ratios = [each.ratio for each in results if not each.failure]
    if not ratios:
        return ""
    return f"{statistics.geometric_mean(ratios):.2f}" + (f" (of {len(ratios)})" if len(ratios) < decoders else "")


def run(
    decoders: Sequence[str],
    runtimes: Sequence[str],
    sizes: Sequence[int],
    batches: Sequence[int],
    rounds: int,
    save: Path | None,
    table: bool,
    whole: bool = False,
) -> None:
    """Measure, or read what was measured, and print the tables."""
    results = []
    if table:
        if save is None:
            raise click.UsageError("--table needs --save, the file of results")
        results = [Result(**json.loads(line)) for line in save.read_text().splitlines()]
    else:
        os.environ.update(ONE_THREAD)
        cases = list(product(batches, sizes, decoders))
        with tqdm(total=len(cases) * len(runtimes), unit="result") as progress:
            for batch, size, decoder in cases:
                progress.set_description(f"{decoder}, batch {batch}, {size}x{size}")
                for result in compare(decoder, batch, size, runtimes, rounds, whole):
                    progress.update()
                    progress.write(f"{result.where}: {result.failure or result.values} ({result})")
                    results.append(result)
                    if save is not None:
                        with save.open("a") as file:
                            print(json.dumps(asdict(result)), file=file)
    click.echo(tables(results))
