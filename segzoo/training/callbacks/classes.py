"""A class that training never shows the model is one that it can't learn."""

from __future__ import annotations

import warnings
from typing import Any

import lightning
import torch
from torch import Tensor

from segzoo.errors import DataWarning
from segzoo.training.job import Job


class ClassesSeen(lightning.Callback):
    """Warns once, after a pass over the training images, of classes that none of their pixels had."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._seen: Tensor | None = None
        self._images = 0

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if self._images >= len(self.job.train):
            return
        target = batch[1]
        if self._seen is None:
            self._seen = torch.zeros(self.job.dataset.classes + 1, device=target.device)
        self._seen[target.clamp(min=-1).flatten()] = 1  # the last is for pixels of no class
        self._images += len(target) * trainer.world_size

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self._seen is None or self._images < len(self.job.train):
            return
        seen = trainer.strategy.reduce(self._seen, reduce_op="sum")
        self._seen = None
        missing = (seen[:-1] == 0).nonzero().flatten().tolist()
        if missing and trainer.is_global_zero:
            names = self.job.dataset.labels.names
            said = ", ".join(names[each] if names else str(each) for each in missing)
            warnings.warn(
                f"no pixel of the training images was of class {said}: the model can't learn it; add images, or list "
                "fewer classes",
                DataWarning,
                stacklevel=1,
            )
