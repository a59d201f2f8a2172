"""What can happen to a run that was well when it began, in words that say what to do."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from segzoo.errors import OptionError, SegzooError, TrainingError
from segzoo.training.settings import Settings

FULL = ("out of memory", "can't allocate memory", "cannot allocate memory", "defaultcpuallocator")
GONE = ("dataloader worker", "exited unexpectedly")


@contextmanager
def explained(settings: Settings, reached: str) -> Iterator[None]:
    """A block whose errors are of segzoo's types.

    :param reached: where what was reached so far lies, and how to go on.
    :raises TrainingError: when memory or the disk is full, or a process was killed.
    """
    try:
        yield
    except TrainingError as error:
        raise TrainingError(f"{error}; {reached}") from error
    except OptionError as error:  # a file that couldn't be replaced
        if not isinstance(error.__cause__, OSError):
            raise
        raise TrainingError(f"{error.args[0].rpartition(';')[0]}; {reached}") from error
    except OSError as error:
        raise TrainingError(f"can't read or write: {error}; {reached}") from error
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, SegzooError):
            raise
        said = str(error).lower()
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(words in said for words in FULL):
            crop = "the images' own size" if settings.crop is None else f"crop={settings.crop[0]}x{settings.crop[1]}"
            raise TrainingError(
                f"memory is full at batch_size={settings.batch_size} and {crop}: take fewer images or a smaller crop, "
                f"or set accumulate or grad_checkpointing; {reached}"
            ) from error
        if all(words in said for words in GONE) or ("dataloader worker" in said and "killed" in said):
            raise TrainingError(
                f"a process that reads images was killed, most often since memory is full: take fewer than workers="
                f"{settings.workers}; {reached}"
            ) from error
        if "writer" in said or "file write failed" in said:  # torch's own, of a checkpoint
            raise TrainingError(f"the checkpoint can't be written; is the disk full? {error}; {reached}") from error
        raise


@contextmanager
def calm() -> Iterator[None]:
    """Without Lightning's banners and advice, which concern those who write loops."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\.|torchmetrics\.")
            warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
            warnings.filterwarnings("ignore", message="FSDP2-wrapped module")  # nothing is added to logits in place
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
