"""The batches of a job as Lightning asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightning

from segzoo.data.batches import loader
from segzoo.data.order import Draw, Evenly, Stream
from segzoo.errors import OptionError
from segzoo.training.job import Job


class Interval(Stream):
    """The part of the stream that the trainer is at."""

    def __init__(self, trainer: lightning.Trainer, length: int, batch_size: int, **rest: Any) -> None:
        super().__init__(length, batch_size, **rest)
        self.trainer = trainer

    def __iter__(self) -> Iterator[list[Draw]]:
        self.start = self.trainer.global_step * self.trainer.accumulate_grad_batches
        return super().__iter__()


class TrainingData(lightning.LightningDataModule):
    """A job's samples, each process its share."""

    trainer: lightning.Trainer

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def setup(self, stage: str) -> None:
        settings, world = self.job.settings, self.trainer.world_size
        if settings.batch_size % (world * settings.accumulate):
            raise OptionError(
                f"batch_size={settings.batch_size} images can't be shared out evenly over {world} processes"
                + (f" and accumulate={settings.accumulate}" if settings.accumulate > 1 else "")
                + f"; take a multiple of {world * settings.accumulate}"
            )

    def train_dataloader(self) -> Any:
        job, settings, trainer = self.job, self.job.settings, self.trainer
        stream = Interval(
            trainer, len(job.train), settings.batch_size // settings.accumulate, seed=settings.seed,
            steps=job.interval * settings.accumulate, rank=trainer.global_rank, world=trainer.world_size,
        )  # fmt: skip
        return loader(job.train, stream, job.workers)

    def val_dataloader(self) -> Any:
        job, trainer = self.job, self.trainer
        batches = Evenly(len(job.val), job.val_batch, rank=trainer.global_rank, world=trainer.world_size)
        return loader(job.val, batches, min(job.workers, 2))
