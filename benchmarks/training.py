"""How much of a training step is neither model nor data: `segzoo.training.train` beside a bare loop of the same steps.

Both sides train the same job: model, loss, optimiser, schedule, clipping, and batches of the same loader, whose scenes
are in memory. The bare loop has nothing else; `train` has Lightning, the progress bar, the history and the checks. Each
run is a process of its own, and the two sides take turns. What counts is the processor's time, since other work on the
machine changes that far less than the clock, from the first scene of one step to the first scene of another.

Run `python benchmarks/training.py --help` for the options; README.md has what was measured.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import click
from tabulate import tabulate
from tqdm import trange

BARE, TRAIN = "bare", "train"
SCENES = 32
WARM_UP = 4
"""Steps before the first that counts."""


def job_of(pair: str, size: int, batch: int, steps: int) -> tuple[Any, Any]:
    """The settings of both sides, and scenes in memory that note when each is read."""
    from segzoo.data import Sample
    from segzoo.demo import PairName
    from segzoo.demo.dataset import ScenesDataset
    from segzoo.training import Settings

    class Remembered(ScenesDataset):
        def __init__(self) -> None:
            super().__init__(SCENES, batch, size=size)
            self.kept = {name: ScenesDataset.read(self, name) for names in self.splits().values() for name in names}
            self.read_at: list[float] = []

        def read(self, name: str) -> Sample:
            if name.startswith("train"):
                self.read_at.append(time.process_time())
            return self.kept[name]

    encoder, decoder = PairName.parse(pair)
    settings = Settings(
        data="scenes", encoder=encoder, decoder=decoder, pretrained=False, batch_size=batch, steps=steps,
        validate_every=steps, augment=False, workers=0, accelerator="cpu",
    )  # fmt: skip
    return settings, Remembered()


def train_bare(settings: Any, dataset: Any) -> None:
    """The loop that one writes by hand."""
    import torch

    from segzoo.data.batches import loader
    from segzoo.data.order import Stream
    from segzoo.training import schedule
    from segzoo.training.job import prepare

    job = prepare(settings, dataset=dataset)
    groups = job.model.parameter_groups(job.recipe.learning_rate, weight_decay=job.recipe.weight_decay)
    optimizer = torch.optim.AdamW(groups)
    falling = schedule(optimizer, job.steps, job.recipe.warmup, job.recipe.schedule)
    job.model.train()
    for batch in loader(job.train, Stream(len(job.train), settings.batch_size, steps=job.steps)):
        optimizer.zero_grad()
        job.objective.training_loss(batch)["loss"].backward()
        torch.nn.utils.clip_grad_norm_(job.model.parameters(), job.recipe.clip)
        optimizer.step()
        falling.step()


def milliseconds(side: str, pair: str, size: int, batch: int, steps: int, threads: int) -> float:
    """Of one step, in this process."""
    import torch

    from segzoo.training import train

    torch.set_num_threads(threads)
    settings, dataset = job_of(pair, size, batch, steps)
    if side == BARE:
        train_bare(settings, dataset)
    else:
        with tempfile.TemporaryDirectory() as folder:
            train(settings, folder, quiet=True, pictures=False, dataset=dataset)
    counted = steps - 1 - WARM_UP
    start, end = (dataset.read_at[step * batch] for step in (WARM_UP, WARM_UP + counted))
    return 1000 * (end - start) / counted


@click.command()
@click.option("--pair", default="resnet18+fpn", show_default=True, help="Encoder and decoder.")
@click.option("--size", default=256, show_default=True, help="Height and width of the scenes.")
@click.option("--batch", default=8, show_default=True, help="Scenes of a step.")
@click.option("--steps", default=24, show_default=True, help="Of each run.")
@click.option("--rounds", default=7, show_default=True, help="How many times to run each side.")
@click.option("--threads", default=1, show_default=True, help="Processor cores to use.")
@click.option("--side", type=click.Choice([BARE, TRAIN]), hidden=True)
def main(rounds: int, side: str | None, **job: Any) -> None:
    """Measure what a training step costs beside model and data."""
    if side:
        click.echo(milliseconds(side, **job))
        return
    options = [text for name, value in job.items() for text in (f"--{name}", str(value))]
    taken: dict[str, list[float]] = {BARE: [], TRAIN: []}
    for _ in trange(rounds, leave=False, disable=None):
        for each, times in taken.items():
            command = [sys.executable, __file__, "--side", each, *options]
            times.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]))
    bare, train = (statistics.median(times) for times in taken.values())
    scenes = f"{job['batch']} x {job['size']}x{job['size']}"
    row = (job["pair"], scenes, f"{bare:.1f}", f"{train:.1f}", f"{train - bare:+.1f}", f"{(train - bare) / train:.1%}")
    click.echo(f"median of {rounds} runs, the processor's milliseconds of a step\n")
    click.echo(tabulate([row], ["pair", "images", "bare loop", "train", "more", "share of the step"], "github"))


if __name__ == "__main__":
    main()
