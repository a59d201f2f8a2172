"""What many processes gain, and that none of their outputs is lost: pictures by one process, and by workers of Ray.

Pictures are predicted by one process, by workers, and by workers of which one is killed on the way. What is counted are
seconds of the clock, with and without the start of Ray and of the workers, and outputs that differ from the first ones.

Run `python benchmarks/fleet.py --help` for the options; README.md has what was measured.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from tabulate import tabulate

import segzoo
from segzoo.mapping import Outcome, Predictor, Task, Wanted, predict_files, predict_on_ray
from segzoo.prediction import Tiling


def make_predictor(folder: Path, killed: Path | None = None, after: int = 20) -> Predictor:
    """What predicts, on one thread.

    :param killed: a file that says that a worker was killed. While it isn't there, the first worker that has computed
        so many pictures is.
    """
    torch.set_num_threads(1)
    predictor = Predictor.of(segzoo.from_pretrained(folder))
    if killed is None:
        return predictor
    compute, seen = predictor.engines[0], []

    def engine(tiles: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor]:
        seen.append(time.perf_counter())
        if len(seen) == after and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return compute(tiles)

    return Predictor([engine], predictor.preprocessing, predictor.heads, predictor.grid)


def write_pictures(folder: Path, count: int, side: int) -> None:
    """Pictures of noise, each another."""
    folder.mkdir()
    for number in range(count):
        picture = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"{number:04}.png", compress_level=1)


@click.command(help=__doc__)
@click.option("--pictures", default=200, show_default=True)
@click.option("--side", default=384, show_default=True, help="In pixels.")
@click.option("--workers", default=2, show_default=True)
def main(pictures: int, side: int, workers: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_pictures(root / "pictures", pictures, side)
        segzoo.create_model("resnet18", "fpn", classes=19).eval().save_pretrained(root / "model")
        predictor, task = make_predictor(root / "model"), Task(Wanted(), Tiling())
        common = predictor, [str(root / "pictures")]
        make = partial(make_predictor, root / "model")
        dying = partial(make, root / "killed")
        fleet = partial(predict_on_ray, predictor=common[0], paths=common[1], task=task, workers=workers)
        runs: dict[str, Callable[[Path], Outcome]] = {
            "one process": lambda out: predict_files(*common, out, task),
            f"{workers} workers, and their start": lambda out: fleet(make, folder=out),
            f"{workers} workers": lambda out: fleet(make, folder=out),
            f"{workers} workers, one killed": lambda out: fleet(dying, folder=out),
        }
        rows = []
        for number, (what, predict) in enumerate(runs.items()):
            start = time.perf_counter()
            outcome = predict(root / str(number))
            clock = time.perf_counter() - start
            outputs = sorted(root.joinpath(str(number)).glob("*.png"))
            same = sum(each.read_bytes() == (root / "0" / each.name).read_bytes() for each in outputs)
            rows.append({
                "": what, "seconds": round(clock, 1), "pictures a second": round(pictures / clock, 2),
                "done": len(outcome.done), "outputs": len(outputs), "as of one process": same,
                "a worker was killed": (root / "killed").exists(),
            })  # fmt: skip
            print(tabulate(rows, headers="keys", tablefmt="github"), flush=True)


if __name__ == "__main__":
    main()
