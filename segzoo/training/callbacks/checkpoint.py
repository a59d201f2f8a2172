"""A checkpoint at the end of each interval, to go on from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from segzoo.files import replacing
from segzoo.training.folder import CHECKPOINT


class Checkpoint(lightning.Callback):
    """Saves model, optimiser and all that a run needs to go on, in place of the checkpoint before.

    :param output: the run's folder.
    """

    def __init__(self, output: Path) -> None:
        self.path = output / CHECKPOINT

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        trainer.save_checkpoint(self.path)


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint beside the old one, and puts it in its place when it is on the disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial, partial.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
