"""Files predicted one after the other: what is broken is left out, and what is there already isn't done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from segzoo.errors import DataError, InputError
from segzoo.mapping.inputs import Input, find_inputs
from segzoo.mapping.naming import Files, all_of, clear, name_outputs
from segzoo.mapping.opening import open_source
from segzoo.mapping.outputs import writing
from segzoo.mapping.polygons import check_polygons
from segzoo.mapping.predictor import Predictor
from segzoo.mapping.record import recorded
from segzoo.mapping.task import Outcome, Predicted, Task
from segzoo.prediction.explaining import explained
from segzoo.prediction.streaming import stream


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
    for file in all_of(files):
        clear(file)
    with (
        open_source(each.path, predictor.preprocessing, task.bands, tile) as source,
        writing(source, predictor.heads, files, task.wanted) as sink,
        explained(str(each.path), f" at tile={tile}; take smaller tiles"),
    ):
        stream(
            predictor.engines, source, sink, task.tiling,
            output=task.wanted.output, batch=task.batch, name=each.path.name,
        )  # fmt: skip
    return Predicted(source.size, all_of(files), sink.pixels)
