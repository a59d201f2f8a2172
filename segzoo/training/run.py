"""One run: from settings to a saved model, resumed where it was if it had been stopped."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.distributed.tensor import DTensor
from tqdm.auto import tqdm

import segzoo
from segzoo.data.dataset import Dataset
from segzoo.data.samples import Transform
from segzoo.errors import MissingExtraError, OptionError
from segzoo.metrics import Scores
from segzoo.model import SegmentationModel
from segzoo.training.folder import CHECKPOINT, CURVE, MODEL, check_folder, clear
from segzoo.training.job import Job, prepare
from segzoo.training.settings import FILE, Settings, write_settings
from segzoo.training.trouble import calm, explained


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
    :raises KeyboardInterrupt: at the end of the step in which Ctrl-C was pressed.
    :raises MissingExtraError: without Lightning.
    :raises DataError: or another of `prepare`'s errors.
    """
    _need_lightning()
    from segzoo.training.callbacks.stopping import Interrupted, Stopping
    from segzoo.training.lightning_data import TrainingData
    from segzoo.training.processes import is_first

    folder = Path(output)
    if is_first():  # the others find its files
        check_folder(folder, settings, resume)
    job = prepare(settings, dataset=dataset, augmentation=augmentation)
    stopping = Stopping()
    module, trainer = _trainer(job, folder, quiet, pictures, on_validation, stopping)
    if is_first():
        if not quiet:
            tqdm.write(job.describe(), file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        write_settings(settings, folder / FILE)
        clear(folder)
    checkpoint = folder / CHECKPOINT
    reached = f"what it had reached is in {folder}, and resume=True (--resume) goes on from there"
    with explained(job.settings, reached), calm(), stopping.listening():
        try:
            trainer.fit(
                module,
                datamodule=TrainingData(job),
                ckpt_path=checkpoint if resume and checkpoint.is_file() else None,
                weights_only=True,
            )
        except Interrupted:
            raise KeyboardInterrupt(f"stopped after step {trainer.global_step}; {reached}") from None
        state = trainer.strategy.lightning_module_state_dict()
        model = _result(job, state, averaged=module.average is not None)
        if trainer.is_global_zero:
            _save(job, model, module.scores, folder)
        trainer.strategy.barrier()
    return Run(folder / MODEL, model, module.scores, trainer.global_step, module.seconds)


def _trainer(job: Job, folder: Path, quiet: bool, pictures: bool, on_validation: Any, stopping: Any) -> tuple[Any, Any]:
    import lightning
    from lightning.pytorch.utilities.exceptions import MisconfigurationException

    from segzoo.training.callbacks.checkpoint import Checkpoint, WholeFiles
    from segzoo.training.callbacks.classes import ClassesSeen
    from segzoo.training.callbacks.history import History, Report
    from segzoo.training.callbacks.pictures import Pictures
    from segzoo.training.callbacks.progress import Progress
    from segzoo.training.lightning_module import TrainingModule
    from segzoo.training.loggers import loggers
    from segzoo.training.processes import processes

    settings = job.settings
    progress = Progress(job, quiet)
    callbacks: list[Any] = [progress, ClassesSeen(job), History(folder, progress), Checkpoint(folder), stopping]
    if pictures and settings.strategy != "fsdp":  # a model in shares answers when all processes ask it
        callbacks.insert(0, Pictures(job, folder))
    if on_validation is not None:
        callbacks.append(Report(on_validation))
    spread = processes(settings)
    try:
        with calm():
            trainer = lightning.Trainer(
                **{**spread, "plugins": [WholeFiles(), *spread["plugins"]]},
                accelerator=settings.accelerator,
                precision=settings.precision,
                max_epochs=job.intervals,
                accumulate_grad_batches=settings.accumulate,
                gradient_clip_val=job.recipe.clip or None,
                callbacks=callbacks,
                logger=loggers(settings.loggers, folder),
                num_sanity_val_steps=0,
                use_distributed_sampler=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                default_root_dir=folder,
            )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        if isinstance(error, segzoo.SegzooError):
            raise
        raise OptionError(f"Lightning can't train so: {' '.join(str(error).split())}") from error
    if settings.sync_batchnorm and trainer.world_size > 1 and trainer.strategy.root_device.type == "cpu":
        raise OptionError("sync_batchnorm works on GPUs alone; leave it out, or train on some")
    return TrainingModule(job), trainer


def _result(job: Job, state: dict[str, Tensor], averaged: bool) -> SegmentationModel:
    """The trained model, whole and on the CPU, whatever the strategy had made of it.

    :param state: the Lightning module's.
    """
    prefix = "average.module." if averaged else "objective.model."
    model = job.model
    if any(isinstance(each, DTensor) for each in model.parameters()):
        model = segzoo.create_model(**model.config)
        model.preprocessing = job.model.preprocessing
    whole = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    if whole:  # which the first process alone has where the weights are shared out
        model.load_state_dict(whole)
    model.labels = dict.fromkeys(model.head.classes.heads, job.dataset.labels)
    return model.eval()


def _save(job: Job, model: SegmentationModel, scores: Scores, folder: Path) -> None:
    curve = folder / CURVE
    model.save_pretrained(
        folder / MODEL,
        metrics={"mIoU": scores.miou, "pixel accuracy": scores.accuracy, "mean Dice": scores.mdice},
        dataset=Path(job.settings.data).name,
        curve=curve if curve.is_file() else None,
    )


def _need_lightning() -> None:
    try:
        import lightning  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f'training needs Lightning ({error}): pip install "segzoo-torch[train]"') from error
