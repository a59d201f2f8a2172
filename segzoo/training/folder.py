"""The folder of a run: whether it is free, stopped or finished."""

from __future__ import annotations

import csv
from pathlib import Path

from segzoo.errors import OptionError
from segzoo.training.settings import FILE, Settings, read_settings

MODEL = "model"
CHECKPOINT = "checkpoints/last.ckpt"
METRICS, CURVE = "metrics.csv", "curve.png"
PICTURES = "pictures"
MAY_CHANGE = frozenset(("workers", "devices", "nodes", "strategy", "accelerator", "loggers", "minutes", "broken"))
"""Settings that a resumed run may have otherwise: they say where and how fast it runs."""


def finished(output: Path) -> bool:
    """Whether a run in this folder came to its end."""
    return (output / MODEL / "config.json").is_file()


def read_history(output: Path) -> list[dict[str, str]]:
    """The rows of `metrics.csv`, one for each validation so far; none before the first."""
    try:
        with (output / METRICS).open(newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []


def check_folder(folder: Path, settings: Settings, resume: bool) -> None:
    """See that the folder is free, or that it holds this very run if that is to be resumed.

    :raises OptionError: when it isn't.
    """
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"{folder} is a file; give the name of a folder as output")
    there = folder / FILE
    if not there.is_file():
        if folder.is_dir() and any(not each.name.startswith(".") for each in folder.iterdir()):
            raise OptionError(f"{folder} holds other files; give a new folder as output")
        return
    if not resume:
        state = (
            "a finished run" if finished(folder) else "a run that was stopped: resume=True (--resume) goes on with it"
        )
        raise OptionError(f"{folder} holds {state}; give another folder as output to begin anew")
    if finished(folder):
        raise OptionError(f"the run in {folder} is finished; its model is {folder / MODEL}")
    before, now = read_settings(there).model_dump(), settings.model_dump()
    changed = [
        f"{name} {before[name]!r}, now {now[name]!r}"
        for name in now
        if now[name] != before[name] and name not in MAY_CHANGE
    ]
    if changed:
        raise OptionError(f"the run in {folder} has other settings: {'; '.join(changed)}; resume it with the same")


def clear(folder: Path) -> None:
    """Take away what a killed process was in the midst of writing."""
    for partial in (*folder.glob(".*.partial"), *(folder / CHECKPOINT).parent.glob(".*.partial")):
        partial.unlink(missing_ok=True)
