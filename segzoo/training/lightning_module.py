"""An objective as Lightning trains it."""

from __future__ import annotations

import math
import time
from typing import Any

import lightning
import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from segzoo.data.batches import Batch
from segzoo.errors import TrainingError
from segzoo.metrics import Scores
from segzoo.training.average import moving_average
from segzoo.training.job import Job
from segzoo.training.processes import share_out, take_first_buffers
from segzoo.training.schedule import schedule

NAMED = 8  # samples that an error names at most


class TrainingModule(lightning.LightningModule):
    """What Lightning asks for, answered by a job.

    What Lightning calls an epoch is an interval here: the steps from one validation and checkpoint to the next.

    :ivar scores: of the last validation.
    :ivar spent: seconds that training has taken, those before it was resumed included.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
        self.objective = job.objective
        decay = job.settings.average
        self.average = None if decay is None else moving_average(job.model, decay)
        self._unchecked: tuple[dict[str, Tensor], int] | None = None
        self.scores: Scores | None = None
        self.spent = 0.0
        self._began = time.monotonic()

    def configure_model(self) -> None:
        """Share the weights out over the processes, where the strategy is to."""
        if not isinstance(self.trainer.strategy, ModelParallelStrategy):
            return
        mesh = self.trainer.strategy.device_mesh["data_parallel"]
        share_out(self.job.model, mesh)
        if self.average is not None:
            share_out(self.average.module, mesh)
            self.average.foreach = False  # which takes shares and whole buffers together no more

    def configure_optimizers(self) -> Any:
        recipe = self.job.recipe
        groups = self.job.model.parameter_groups(
            recipe.learning_rate,
            encoder_rate=recipe.encoder_rate,
            weight_decay=recipe.weight_decay,
            layer_decay=recipe.layer_decay,
        )
        optimizer = torch.optim.AdamW(groups)
        falling = schedule(optimizer, self.job.steps, recipe.warmup, recipe.schedule)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": falling, "interval": "step"}}

    def lr_scheduler_step(self, scheduler: LambdaLR, metric: Any) -> None:  # type: ignore[override]
        """One step; more where there won't be time for all, so that the rate runs through its whole fall."""
        scheduler.step()
        due = self.due
        while scheduler.last_epoch < due:
            scheduler.step()
        if self.job.settings.minutes is not None and scheduler.last_epoch >= self.job.steps:
            self.trainer.should_stop = True

    @property
    def due(self) -> int:
        """The step that the run should be at by the time that it has taken, at most the last; 0 without a limit."""
        minutes = self.job.settings.minutes
        if minutes is None:
            return 0
        due = min(self.job.steps, math.ceil(self.job.steps * self.seconds / (60 * minutes)))
        return due if self.trainer.world_size == 1 else self.trainer.strategy.broadcast(due)  # one clock for all

    @property
    def seconds(self) -> float:
        """That training has taken."""
        return self.spent + time.monotonic() - self._began

    def on_fit_start(self) -> None:
        self._began = time.monotonic()

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The loss. Chance in the model (dropout) depends on the step alone, so that a resumed run sees the same."""
        self.job.model.decoder.anneal(self._progress)
        torch.manual_seed(self.job.settings.seed + 1_000_003 * self._part(index) + 7_919 * self.global_rank)
        parts = self.objective.training_loss(batch, check=False)
        self._check_last()
        self._unchecked = {name: value.detach() for name, value in parts.items()}, self._part(index)
        return parts["loss"]

    @property
    def _progress(self) -> float:
        """The share of the run that is done, by the schedule of the learning rate."""
        scheduler = self.lr_schedulers()
        assert isinstance(scheduler, LambdaLR)
        return min(1.0, scheduler.last_epoch / self.job.steps)

    def _check_last(self) -> None:
        """Look at the last batch's loss while the device is busy with this one's, rather than have it wait."""
        if self._unchecked is None:
            return
        (parts, part), self._unchecked = self._unchecked, None
        try:
            self.objective.check(parts)
        except TrainingError as error:
            step = part // self.job.settings.accumulate + 1
            names = ", ".join(self.job.names(part, self.global_rank, self.trainer.world_size)[:NAMED])
            raise TrainingError(f"step {step}: {error}; the batch holds {names}") from error

    def on_train_batch_end(self, outputs: Any, batch: Batch, index: int) -> None:
        if self.average is not None and (index + 1) % self.job.settings.accumulate == 0:
            self.average.update(self.job.model, step=self.global_step)

    def on_validation_epoch_start(self) -> None:
        self._check_last()
        if not all(each.isfinite().all() for each in self.job.model.parameters()):
            raise TrainingError(
                f"some weights are no finite numbers at step {self.global_step}: lower the learning rate, or clip"
            )
        self.objective.reset()
        if self.trainer.world_size > 1:
            take_first_buffers(self)

    def validation_step(self, batch: Batch, index: int) -> None:
        self.objective.update(batch, None if self.average is None else self.average.module)

    def on_validation_epoch_end(self) -> None:
        scores = self.objective.scores()
        assert isinstance(scores, Scores)  # data has masks for one head
        self.scores = scores

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["segzoo"] = {
            "seconds": self.seconds,
            "steps": self.job.steps,
            "confusion": None if self.scores is None else self.scores.confusion,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        own = checkpoint["segzoo"]
        self.spent = own["seconds"]
        self.scores = None if own["confusion"] is None else Scores(own["confusion"])

    def _part(self, index: int) -> int:
        """Where in the stream of batches the run is, of which a step takes as many as it accumulates."""
        return self.global_step * self.job.settings.accumulate + index % self.job.settings.accumulate
