"""The bar that says how far a run is, how fast, and what it waits for."""

from __future__ import annotations

import sys
import time
from typing import Any

import lightning
from tqdm.auto import tqdm

from segzoo.training.job import Job

EVERY = 0.5
"""Seconds between two looks at the loss, each of which waits for the device."""
SHARE = 1 / 3
"""Of the time, spent waiting for images, from which on a run is called data-bound."""
MEASURED = 20
"""Steps that are measured before that is said."""


class Progress(lightning.Callback):
    """A bar with loss, rate, images per second and the time left. Says once when training waits for its data.

    :ivar waited: seconds spent waiting for images; and the seconds of the steps, `worked`.
    """

    def __init__(self, job: Job, quiet: bool) -> None:
        self.job = job
        self.quiet = quiet
        self.waited = self.worked = 0.0
        self.steps = 0
        self._said = quiet
        self._looked = self._mark = time.perf_counter()
        self._bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.is_global_zero:
            self._bar = tqdm(
                total=self.job.steps, initial=trainer.global_step, unit="step", disable=self.quiet, dynamic_ncols=True
            )
        self._mark = time.perf_counter()

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        if batch_idx:  # the first one waits for workers to start
            self.waited += now - self._mark
        self._mark = now

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        now = time.perf_counter()
        self.worked += now - self._mark
        self.steps += 1
        if self._bar is not None and now - self._looked > EVERY and not self.quiet:
            self._looked = now
            self._bar.set_postfix(
                loss=f"{outputs['loss'].item() * trainer.accumulate_grad_batches:.3f}",
                rate=f"{trainer.optimizers[0].param_groups[-1]['lr']:.1e}",
                images=f"{self.images_per_second:.1f}/s",
                refresh=False,
            )
        if self._bar is not None:
            self._bar.update(trainer.global_step - self._bar.n)
        if not self._said and self.steps >= MEASURED and self.waiting > SHARE:
            self._said = True
            tqdm.write(
                f"training waits for its images {self.waiting:.0%} of the time: read them in more processes "
                f"(--workers, {self.job.workers} now), or store them smaller",
                file=sys.stderr,
            )
        self._mark = time.perf_counter()

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._close()

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self._close()

    @property
    def images_per_second(self) -> float:
        """Over the steps so far, without validation."""
        parts = self.job.settings.batch_size / self.job.settings.accumulate
        return self.steps * parts / max(self.waited + self.worked, 1e-9)

    @property
    def waiting(self) -> float:
        """The share of the time spent waiting for images."""
        return self.waited / max(self.waited + self.worked, 1e-9)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
