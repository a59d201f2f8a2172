"""A picture of a few validation images after each interval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
from torch import Tensor

from segzoo.errors import DataError
from segzoo.pictures import as_picture, colour, draw_rows, palette
from segzoo.training.folder import PICTURES
from segzoo.training.job import Job

SHOWN = 6
LARGEST = 512  # pixels a side: the middle of a larger image is shown


class Pictures(lightning.Callback):
    """Draws `pictures/STEP.png`: images, their masks, and what the model sees by now."""

    def __init__(self, job: Job, output: Path) -> None:
        self.job = job
        self.folder = output / PICTURES
        self._shown: list[tuple[Any, Any, Any]] | None = None

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not trainer.is_global_zero or trainer.sanity_checking:
            return
        if self._shown is None:
            self._shown = self._read()
        if not self._shown:
            return
        labels, model = self.job.dataset.labels, self.job.model
        colours = labels.palette or palette(self.job.dataset.classes)
        seen = [model.predict(tensor) for _, _, tensor in self._shown]
        self.folder.mkdir(parents=True, exist_ok=True)
        draw_rows(
            self.folder / f"{trainer.global_step:06d}.png",
            f"step {trainer.global_step}",
            [
                ("image", [picture for picture, _, _ in self._shown]),
                ("truth", [colour(mask, colours) for _, mask, _ in self._shown]),
                ("prediction", [colour(each.numpy(), colours) for each in seen if isinstance(each, Tensor)]),
            ],
            labels.names,
            colours,
        )

    def _read(self) -> list[tuple[Any, Any, Any]]:
        """The middle of the first images that can be read: picture, mask, and what the model takes."""
        found: list[tuple[Any, Any, Any]] = []
        for name in self.job.val.names:
            try:
                sample = self.job.dataset.read(name)
            except DataError:  # validation has said so
                continue
            height, width = sample.mask.shape
            top, left = max(0, height - LARGEST) // 2, max(0, width - LARGEST) // 2
            image = sample.image[top : top + LARGEST, left : left + LARGEST]
            mask = sample.mask[top : top + LARGEST, left : left + LARGEST]
            found.append((as_picture(image), mask, self.job.model.preprocessing(image)))
            if len(found) == SHOWN:
                break
        return found
