"""The numbers of each interval, as a file and as a curve."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
from torch import Tensor

from segzoo.files import write_whole
from segzoo.metrics import Scores
from segzoo.training.callbacks.progress import Progress
from segzoo.training.folder import CURVE, METRICS

Row = Mapping[str, float]
OnValidation = Callable[[int, Scores], None]


class History(lightning.Callback):
    """A row for each interval: step, loss, learning rate, scores, images per second.

    The rows are part of the checkpoint, so that a resumed run has each once.
    """

    def __init__(self, output: Path, progress: Progress) -> None:
        self.output = output
        self.progress = progress
        self.rows: list[dict[str, float]] = []
        self._losses: list[Tensor] = []

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._losses.append(outputs["loss"].detach() * trainer.accumulate_grad_batches)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        scores: Scores = pl_module.scores
        mean = sum(each.item() for each in self._losses) / max(1, len(self._losses))
        self._losses.clear()
        self.rows.append(
            {
                "step": trainer.global_step,
                "loss": mean,
                "learning_rate": trainer.optimizers[0].param_groups[-1]["lr"],
                "miou": scores.miou,
                "accuracy": scores.accuracy,
                "mdice": scores.mdice,
                "images_per_second": self.progress.images_per_second,
                "waiting": self.progress.waiting,
            }
        )
        if trainer.is_global_zero:
            write_whole(self.output / METRICS, as_csv(self.rows))
            draw_curve(self.output / CURVE, self.rows)
        for logger in trainer.loggers:
            logger.log_metrics(self.rows[-1], trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])


class Report(lightning.Callback):
    """Tells somebody of each validation, after the checkpoint is saved."""

    def __init__(self, on_validation: OnValidation) -> None:
        self.on_validation = on_validation

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.on_validation(trainer.global_step, pl_module.scores)


def as_csv(rows: Sequence[Row]) -> str:
    """The rows under their names."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()} for row in rows
    )
    return text.getvalue()


def draw_curve(path: Path, rows: Sequence[Row]) -> None:
    """Draw loss and mIoU over the steps."""
    from segzoo.pictures import GROUND, INK, dark_figure, save, title

    figure = dark_figure(8, 4.5)
    axes = figure.add_axes((0.1, 0.14, 0.8, 0.72), facecolor=GROUND)
    other = axes.twinx()
    steps = [row["step"] for row in rows]
    axes.plot(steps, [row["loss"] for row in rows], color="#ff9f40", marker="o", markersize=3)
    other.plot(steps, [row["miou"] for row in rows], color="#4e9bd6", marker="o", markersize=3)
    axes.set_xlabel("step", color=INK)
    axes.set_ylabel("loss", color="#ff9f40")
    other.set_ylabel("mIoU", color="#4e9bd6")
    other.set_ylim(0, 1)
    for each in (axes, other):
        each.tick_params(colors=INK)
        for spine in each.spines.values():
            spine.set_color(INK)
    title(figure, f"mIoU {rows[-1]['miou']:.3f} after {steps[-1]:.0f} steps")
    save(figure, path)
