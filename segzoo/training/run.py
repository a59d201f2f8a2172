"""One run: from settings to a saved model, resumed where it was if it had been stopped."""

from __future__ import annotations

import errno
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from segzoo.data.batches import original
from segzoo.data.dataset import Dataset
from segzoo.data.samples import Transform
from segzoo.errors import DataError, MissingExtraError, OptionError, TrainingError
from segzoo.metrics import Scores
from segzoo.model import SegmentationModel
from segzoo.training.job import Job, prepare
from segzoo.training.settings import FILE, Settings, read_settings, write_settings

MODEL = "model"
MAY_CHANGE = frozenset(
    ("workers", "devices", "nodes", "strategy", "accelerator", "loggers", "minutes", "pretrained", "crop", "broken")
)
"""Settings that a resumed run may have otherwise: they say where and how fast it runs, or were filled in."""


@dataclass(frozen=True)
class Run:
    """A run that has ended.

    :param folder: the saved model.
    :param scores: of its last validation.
    :param steps: that were taken.
    :param seconds: that training took.
    """

    folder: Path
    model: SegmentationModel
    scores: Scores
    steps: int
    seconds: float


def train(
    settings: Settings,
    output: str | PathLike[str],
    *,
    resume: bool = False,
    quiet: bool = False,
    pictures: bool = True,
    dataset: Dataset | None = None,
    augmentation: Transform | None = None,
    on_validation: Any = None,
) -> Run:
    """Train a pair, and save it as a folder that `segzoo.from_pretrained` loads.

    :param output: the folder to leave everything in: `run.yaml`, `model/`, `metrics.csv`, `curve.png`, `pictures/`
        and `checkpoints/`.
    :param resume: go on with the run that is there. The result is the same as without the stop.
    :param quiet: print nothing, and show no bar.
    :param pictures: draw a few validation images at each validation.
    :param dataset: in place of what `settings.data` names.
    :param augmentation: in place of `segzoo.data.Augmentation`: takes and returns image and mask.
    :param on_validation: called with the step and the scores after each validation. What it raises ends the run.
    :raises OptionError: for a folder that holds another run, or settings that don't fit the one that is resumed.
    :raises TrainingError: when the loss is no number, memory or the disk is full. The last checkpoint stays.
    :raises MissingExtraError: without Lightning.
    :raises DataError: or another of `prepare`'s errors.
    """
    _need_lightning()
    from segzoo.training.callbacks.checkpoint import FILE as CHECKPOINT

    folder = Path(output)
    _check_folder(folder, settings, resume)
    job = prepare(settings, dataset=dataset, augmentation=augmentation)
    module, trainer = _trainer(job, folder, quiet, pictures, on_validation)
    if trainer.is_global_zero:
        if not quiet:
            tqdm.write(job.describe())
        folder.mkdir(parents=True, exist_ok=True)
        write_settings(settings, folder / FILE)
    checkpoint = folder / CHECKPOINT
    with _explained(job, folder), _calm():
        from segzoo.training.lightning_data import TrainingData

        trainer.fit(
            module,
            datamodule=TrainingData(job),
            ckpt_path=checkpoint if resume and checkpoint.is_file() else None,
            weights_only=True,
        )
    scores = module.scores
    assert scores is not None  # the last interval ends in a validation
    model = job.model
    if module.average is not None:
        model.load_state_dict(module.average.module.state_dict())
    model.eval()
    if trainer.is_global_zero:
        _save(job, folder, scores)
    trainer.strategy.barrier()
    return Run(folder / MODEL, model, scores, trainer.global_step, module.seconds)


def finished(output: str | PathLike[str]) -> bool:
    """Whether a run in this folder came to its end."""
    return (Path(output) / MODEL / "config.json").is_file()


def _trainer(job: Job, folder: Path, quiet: bool, pictures: bool, on_validation: Any) -> tuple[Any, Any]:
    import lightning

    from segzoo.training.callbacks.checkpoint import Checkpoint, WholeFiles
    from segzoo.training.callbacks.history import History, Report
    from segzoo.training.callbacks.pictures import Pictures
    from segzoo.training.callbacks.progress import Progress
    from segzoo.training.lightning_module import TrainingModule
    from segzoo.training.loggers import loggers

    settings = job.settings
    progress = Progress(job, quiet)
    callbacks: list[Any] = [progress, History(folder, progress), Checkpoint(folder)]
    if pictures and settings.strategy != "fsdp":
        callbacks.insert(0, Pictures(job, folder))
    if on_validation is not None:
        callbacks.append(Report(on_validation))
    with _calm():
        trainer = lightning.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.nodes,
            strategy=settings.strategy,
            precision=settings.precision,
            max_epochs=job.intervals,
            accumulate_grad_batches=settings.accumulate,
            gradient_clip_val=job.recipe.clip or None,
            callbacks=callbacks,
            logger=loggers(settings.loggers, folder),
            plugins=[WholeFiles()],
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
        )
    return TrainingModule(job), trainer


def _save(job: Job, folder: Path, scores: Scores) -> None:
    job.model.save_pretrained(
        folder / MODEL,
        labels=job.dataset.labels,
        metrics={"mIoU": scores.miou, "pixel accuracy": scores.accuracy, "mean Dice": scores.mdice},
        dataset=Path(job.settings.data).name,
    )


def _check_folder(folder: Path, settings: Settings, resume: bool) -> None:
    """See that the folder is free, or holds this very run. Other processes of a run find the first one's files."""
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    if getattr(rank_zero_only, "rank", 0):
        return
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"{folder} is a file; give the name of a folder as output")
    there = folder / FILE
    if not there.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise OptionError(f"{folder} holds other files; give a new folder as output")
        return
    if not resume:
        state = (
            "a finished run" if finished(folder) else "a run that was stopped: resume=True (--resume) goes on with it"
        )
        raise OptionError(f"{folder} holds {state}; give another folder as output to begin anew")
    if finished(folder):
        raise OptionError(f"the run in {folder} is finished; its model is {folder / MODEL}")
    before = read_settings(there).model_dump()
    now = settings.model_dump()
    if other := [f"{name} {before[name]!r}, now {now[name]!r}" for name in now if now[name] != before[name]]:
        changed = [each for each in other if each.split(" ", 1)[0] not in MAY_CHANGE]
        if changed:
            raise OptionError(f"the run in {folder} has other settings: {'; '.join(changed)}; resume it with the same")


def _need_lightning() -> None:
    try:
        import lightning  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f'training needs Lightning ({error}): pip install "segzoo-torch[train]"') from error


@contextmanager
def _explained(job: Job, folder: Path) -> Iterator[None]:
    """Say what to do about what can happen to a run that was well when it began."""
    settings = job.settings
    resume = f"; what it had reached is in {folder}, and resume=True (--resume) goes on from there"
    try:
        yield
    except DataError as error:
        raise original(error) from error
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, TrainingError):
            raise TrainingError(f"{error}{resume}") from error
        text = str(error).lower()
        full = isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in text
        if full or "can't allocate memory" in text or "defaultcpuallocator" in text:
            crop = "the images' own size" if settings.crop is None else f"crop={settings.crop[0]}x{settings.crop[1]}"
            raise TrainingError(
                f"memory is full at batch_size={settings.batch_size} and {crop}: take fewer or smaller images, "
                f"accumulate, or grad_checkpointing{resume}"
            ) from error
        if "no space left" in text:
            raise TrainingError(f"the disk is full: {error}{resume}") from error
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise TrainingError(f"the disk is full: {error}{resume}") from error
        raise


@contextmanager
def _calm() -> Iterator[None]:
    """Without Lightning's banners and advice, which concern those who write loops."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\.|torchmetrics\.")
            warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
