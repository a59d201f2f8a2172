"""A training run, as far as it is: what `segzoo train` leaves in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segzoo.errors import OptionError
from segzoo.training.folder import CURVE, METRICS, MODEL, PICTURES, finished, read_history
from segzoo.training.settings import FILE, Settings, read_settings


@dataclass(frozen=True)
class Watched:
    """A run.

    :param settings: that it was started with.
    :param finished: whether it came to its end; one that isn't goes on, or was stopped.
    :param history: a row for each validation so far, the values as they were written.
    :param curve: the picture of loss and score, if there is one by now.
    :param picture: of the last validation's images, if there is one by now.
    """

    folder: Path
    settings: Settings
    finished: bool
    history: tuple[dict[str, str], ...]
    curve: Path | None
    picture: Path | None

    @property
    def state(self) -> str:
        """In words."""
        what = f"{self.settings.encoder} + {self.settings.decoder} on {Path(self.settings.data).name}"
        if self.finished:
            return f"{what}: finished; the model is {self.folder / MODEL}"
        if not self.history:
            return f"{what}: begun, and not validated yet"
        return f"{what}: after step {self.history[-1]['step']}"

    @property
    def times(self) -> tuple[object, ...]:
        """When its files were last written: the same as long as nothing happened."""
        files = (self.folder / METRICS, self.curve, self.picture)
        return self.folder, self.finished, *(_written(file) for file in files)


def watch(folder: str) -> Watched:
    """Read a run that goes on, was stopped or came to its end.

    :param folder: what was given as `--output`.
    :raises OptionError: when it holds no run.
    """
    path = Path(folder)
    try:
        there = bool(folder.strip()) and (path / FILE).is_file()
    except (OSError, ValueError):  # such as a name that is too long, or holds a null byte
        there = False
    if not there:
        raise OptionError(f"{folder[:80]!r} holds no run; give a folder that `segzoo train --output FOLDER` writes")
    pictures = sorted((path / PICTURES).glob("*.png"))
    curve = path / CURVE
    return Watched(
        path,
        read_settings(path / FILE),
        finished(path),
        tuple(read_history(path)),
        curve if curve.is_file() else None,
        pictures[-1] if pictures else None,
    )


def _written(file: Path | None) -> int:
    return file.stat().st_mtime_ns if file is not None and file.is_file() else 0
