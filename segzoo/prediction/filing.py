"""Files predicted one after the other: what is broken is left out, and what is there already isn't done again."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from segzoo.errors import DataError, InputError, OptionError
from segzoo.prediction import record
from segzoo.prediction.explaining import explained
from segzoo.prediction.inputs import Input, find_inputs
from segzoo.prediction.opening import open_source
from segzoo.prediction.outputs import Files, Wanted, writing
from segzoo.prediction.polygons import check_polygons
from segzoo.prediction.predictor import Predictor
from segzoo.prediction.streaming import stream
from segzoo.prediction.tiling import Tiling


@dataclass(frozen=True)
class Task:
    """What is done with each file.

    :param tiling: how it is cut; `batch`: how many tiles are computed at once.
    :param bands: which of its bands the model sees, counted from 1; all if None.
    :raises OptionError: for what can't be asked for.
    """

    wanted: Wanted
    tiling: Tiling
    batch: int = 1
    bands: tuple[int, ...] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What predictions depend on, as plain data."""
        return {**asdict(self.tiling), **self.wanted._asdict(), "bands": self.bands}

    def __post_init__(self) -> None:
        if self.wanted.output != "classes" and (self.wanted.overlay or self.wanted.polygons):
            raise OptionError(f"overlays and polygons are of classes, not of {self.wanted.output}; ask for these alone")
        if self.bands is not None and (not self.bands or min(self.bands) < 1):
            raise OptionError(f"bands are numbers counted from 1, such as 3,2,1, got {list(self.bands)}")
        if self.batch < 1:
            raise OptionError(f"expected a batch of 1 or more tiles, got {self.batch}")


class Predicted(NamedTuple):
    """What was made of a file.

    :ivar size: height and width.
    :ivar files: that were written.
    :ivar pixels: how many each class has, by head.
    """

    size: tuple[int, int]
    files: tuple[Path, ...]
    pixels: dict[str, list[int]]


@dataclass
class Outcome:
    """What became of each file, by its path.

    :ivar done: predicted.
    :ivar kept: predicted by an earlier run.
    :ivar broken: left out, and why.
    """

    done: dict[str, Predicted] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)


def predict_files(
    predictor: Predictor,
    paths: Sequence[str],
    folder: Path,
    task: Task,
    *,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    report: Callable[[str], None] | None = None,
) -> Outcome:
    """Predict files of any size and write what was asked for into a folder.

    A file of predictions appears when it is whole. So a run that was stopped goes on by being started again.

    :param paths: files, folders or patterns; pictures, TIFFs, or arrays of numpy's.
    :param settings: what predictions depend on besides the task, as plain data. A folder whose predictions were made
        with others is refused.
    :param overwrite: whether to do again what is there.
    :param report: is told of each file that is broken.
    :raises DataError: when there is no file, or a folder can't be looked into.
    :raises OptionError: when two files would be predicted under one name, or the folder holds other files or can't be
        written.
    :raises MissingExtraError: without a library that files or outputs need.
    """
    if task.wanted.polygons:
        check_polygons()
    inputs = find_inputs(paths, folder)
    files = name_outputs(inputs, folder, predictor.heads, task.wanted)
    outcome = Outcome()
    with recorded(folder, {**(settings or {}), **task.settings}, overwrite, files, outcome) as missing:
        for each in tqdm(
            missing, desc="predicting", unit="file", initial=len(outcome.kept), total=len(inputs), delay=2
        ):
            try:
                outcome.done[str(each.path)] = predict_file(predictor, each, files[each], task)
            except (DataError, InputError) as error:
                outcome.broken[str(each.path)] = str(error)
                if report:
                    report(str(error))
    return outcome


def predict_file(predictor: Predictor, each: Input, files: Mapping[str, Files], task: Task) -> Predicted:
    """Predict one file.

    :param files: what to write, by head.
    :raises DataError: when it can't be read.
    :raises InputError: when the model can't take it, or memory is full.
    :raises OptionError: when the outputs can't be written.
    """
    tile = task.tiling.tile
    with (
        open_source(each.path, predictor.preprocessing, task.bands, tile) as source,
        writing(source, predictor.heads, files, task.wanted) as sink,
        explained(str(each.path), f" at tile={tile}; take smaller tiles"),
    ):
        stream(
            predictor.engines, source, sink, task.tiling,
            output=task.wanted.output, batch=task.batch, name=each.path.name,
        )  # fmt: skip
    written = tuple(file for head in files.values() for file in head.all)
    return Predicted(source.size, written, {head: each.classes.tolist() for head, each in sink.counts.items()})


def name_outputs(
    inputs: Sequence[Input], folder: Path, heads: Mapping[str, Any], wanted: Wanted
) -> dict[Input, dict[str, Files]]:
    """The files of each input, by head, in their folders.

    :raises OptionError: when two have one name.
    """
    named = {each: {head: Files.of(folder, each.name, each.path, head, wanted) for head in heads} for each in inputs}
    owners: dict[Path, Path] = {}
    for each, files in named.items():
        for file in (file for head in files.values() for file in head.all):
            if owners.setdefault(file, each.path) != each.path:
                raise OptionError(f"{owners[file]} and {each.path} would both be predicted as {file}; rename one")
    return named


@contextmanager
def recorded(
    folder: Path,
    settings: Mapping[str, Any],
    overwrite: bool,
    files: Mapping[Input, Mapping[str, Files]],
    outcome: Outcome,
) -> Iterator[list[Input]]:
    """Which inputs are left to do, in a folder that says what its predictions are made with.

    What an earlier run of the same settings has predicted since the input was last changed is kept.

    :raises OptionError: when files are there that no such run has written.
    """
    if not overwrite and not (folder / record.FILE).exists():
        for file in (file for heads in files.values() for head in heads.values() for file in head.all):
            if file.exists():
                raise OptionError(f"{file} exists already; give another folder, or --overwrite")
    going_on = record.begin(folder, settings, overwrite)
    missing = []
    for each, heads in files.items():
        outputs = [file for head in heads.values() for file in head.all]
        if going_on and all(is_newer(file, each.path) for file in outputs):
            outcome.kept.append(str(each.path))
        else:
            for file in outputs:
                _clear(file, all_of_it=not going_on)
            missing.append(each)
    try:
        yield missing
    finally:
        record.end(folder, settings, outcome.broken)


def is_newer(output: Path, picture: Path) -> bool:
    """Whether an output is there that was made since its picture was last changed."""
    return output.exists() and output.stat().st_mtime >= picture.stat().st_mtime


def _clear(file: Path, all_of_it: bool) -> None:
    """Make the file's folder, and take away what a run that was killed had begun of it.

    :param all_of_it: and what was made with other settings, which a run that is stopped would leave among its own.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        begun = f".{glob.escape(file.name)}."
        patterns = [f"{begun}*.partial*", *([f"{begun}*.npy", glob.escape(file.name)] if all_of_it else [])]
        for each in (each for pattern in patterns for each in file.parent.glob(pattern)):
            each.unlink(missing_ok=True)
    except OSError as error:
        raise OptionError(f"can't write to {file}: {error.strerror or error}; give another folder") from error
