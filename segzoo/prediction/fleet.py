"""Files predicted by many processes, on one machine or on many: a pipeline of Ray Data.

A pool of workers holds the model. Each takes a file at a time, or some rows of tiles of a large one, and writes what it
made of it. A worker that dies is replaced, and what it had is done again: an output appears when it is whole, so that
none is lost, and none is there twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from segzoo.errors import DataError, InputError, MissingExtraError, OptionError
from segzoo.files import replacing
from segzoo.prediction.explaining import explained
from segzoo.prediction.filing import Outcome, Predicted, Task, is_newer, name_outputs, predict_file, recorded
from segzoo.prediction.inputs import Input, find_inputs
from segzoo.prediction.opening import TIFF, open_source
from segzoo.prediction.outputs import Files, FileSink, writing
from segzoo.prediction.polygons import check_polygons
from segzoo.prediction.predictor import Predictor
from segzoo.prediction.source import Window
from segzoo.prediction.streaming import stream

ROWS = 8
"""Rows of tiles that a worker takes of a large raster. It computes one more, that fades into them."""
TOGETHER = 512
"""Rows of pixels that are copied at once."""


class Part(NamedTuple):
    """A file, or rows of tiles of it.

    :ivar start: the first row of tiles; `stop`: the one before which it ends. Both 0: the whole file.
    """

    path: str
    name: str
    start: int = 0
    stop: int = 0

    @property
    def input(self) -> Input:
        return Input(Path(self.path), self.name)

    def file(self, main: Path) -> Path:
        """Where its classes lie until all parts are there."""
        return main.with_name(f".{main.name}.{self.start}-{self.stop}.npy")


class Rows:
    """A class map's rows from one to before another, in memory."""

    def __init__(self, top: int, bottom: int, width: int, dtype: np.dtype[Any]) -> None:
        self.top = top
        self.classes = np.empty((bottom - top, width), dtype)

    def write(self, values: NDArray[Any], window: Window) -> None:
        self.classes[window.top - self.top : window.bottom - self.top, window.left : window.right] = values


class Worker:
    """Holds a model, and predicts parts with it."""

    def __init__(self, make: Callable[[], Predictor], folder: Path, task: Task) -> None:
        self.predictor = make()
        self.folder = folder
        self.task = task

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Predict a part; what goes wrong is told in the answer."""
        part = Part(**row)
        files = name_outputs([part.input], self.folder, self.predictor.heads, self.task.wanted)[part.input]
        answer = {**row, "broken": "", "failed": "", "predicted": ""}
        try:
            if part.stop:
                predict_part(self.predictor, part, files, self.task)
            else:
                size, _, pixels = predict_file(self.predictor, part.input, files, self.task)
                answer["predicted"] = json.dumps([size, pixels])
        except (DataError, InputError) as error:
            answer["broken"] = str(error)
        except OptionError as error:
            answer["failed"] = str(error)
        return answer


def predict_part(predictor: Predictor, part: Part, files: Mapping[str, Files], task: Task) -> None:
    """Predict some rows of tiles of a file, and leave their classes as arrays, unless they are there."""
    targets = {head: part.file(each.main) for head, each in files.items()}
    if all(is_newer(target, Path(part.path)) for target in targets.values()):
        return
    with open_source(Path(part.path), predictor.preprocessing, task.bands, task.tiling.tile) as source:
        height, width = source.size
        spans = task.tiling.spans(height)[part.start : part.stop]
        rows = {head: Rows(spans[0].first, spans[-1].last, width, each.dtype) for head, each in predictor.heads.items()}
        sink = FileSink(predictor.heads, {head: [each] for head, each in rows.items()}, {})
        with explained(part.path, f" at tile={task.tiling.tile}; take smaller tiles"):
            stream(
                predictor.engines, source, sink, task.tiling,
                batch=task.batch, rows=range(part.start, part.stop), name=Path(part.path).name,
            )  # fmt: skip
    for head, each in rows.items():
        with replacing(targets[head]) as partial, partial.open("wb") as file:
            np.save(file, each.classes)


def predict_on_ray(
    make: Callable[[], Predictor],
    predictor: Predictor,
    paths: Sequence[str],
    folder: Path,
    task: Task,
    *,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    report: Callable[[str], None] | None = None,
    address: str | None = None,
    workers: int = 2,
    gpus: float = 0,
) -> Outcome:
    """What `predict_files` does, by many processes.

    :param make: makes what predicts, in each of them; `predictor` is the same in this one, which only asks it.
    :param folder: which all machines see under that name, as they see the images.
    :param address: of a cluster that runs; None starts one on this machine, or takes that of `RAY_ADDRESS`.
    :param workers: how many hold a model.
    :param gpus: that each needs.
    :raises MissingExtraError: without Ray.
    """
    ray = _ray()
    if task.wanted.polygons:
        check_polygons()
    inputs = find_inputs(paths, folder)
    files = name_outputs(inputs, folder, predictor.heads, task.wanted)
    outcome = Outcome()
    with recorded(folder, {**(settings or {}), **task.settings}, overwrite, files, outcome) as missing:
        _start(ray, address, workers)
        parts = {each: list(_parts(each, predictor, task)) for each in missing}
        waiting = {each.path: len(theirs) for each, theirs in parts.items()}
        known = {str(each.path): each for each in missing}
        rows = [part._asdict() for theirs in parts.values() for part in theirs]
        answers = ray.data.from_items(rows, override_num_blocks=max(1, min(len(rows), 1000))).map(
            Worker,
            fn_constructor_args=(make, folder.resolve(), task),
            concurrency=workers,
            num_cpus=1,
            num_gpus=gpus,
        )
        for answer in tqdm(answers.iter_rows() if rows else [], "predicting", total=len(rows), unit="part", delay=2):
            each = known[answer["path"]]
            if answer["failed"]:
                raise OptionError(answer["failed"])
            if answer["broken"]:
                if report and str(each.path) not in outcome.broken:
                    report(answer["broken"])
                outcome.broken[str(each.path)] = answer["broken"]
                continue
            waiting[each.path] -= 1
            if not answer["stop"]:
                size, pixels = json.loads(answer["predicted"])
                outcome.done[str(each.path)] = Predicted(tuple(size), _written(files[each]), pixels)
            elif not waiting[each.path]:
                outcome.done[str(each.path)] = _join(predictor, each, parts[each], files[each], task)
    return outcome


def _parts(each: Input, predictor: Predictor, task: Task) -> Iterator[Part]:
    """A large raster's parts; any other file is one."""
    whole = Part(str(each.path), each.name)
    count = 0
    if task.wanted.output == "classes" and each.path.suffix.lower() in TIFF:
        try:
            with open_source(each.path, predictor.preprocessing, task.bands) as source:
                count = len(task.tiling.spans(source.size[0]))
        except (DataError, InputError):
            pass  # the worker says so
    if count <= 2 * ROWS:
        yield whole
        return
    for start in range(0, count, ROWS):
        yield whole._replace(start=start, stop=min(start + ROWS, count))


def _join(
    predictor: Predictor, each: Input, parts: Sequence[Part], files: Mapping[str, Files], task: Task
) -> Predicted:
    """Write a file's outputs from its parts, which are taken away."""
    with (
        open_source(each.path, predictor.preprocessing, task.bands, task.tiling.tile) as source,
        writing(source, predictor.heads, files, task.wanted) as sink,
    ):
        spans = task.tiling.spans(source.size[0])
        for part in parts:
            top = spans[part.start].first
            for head, theirs in files.items():
                classes = np.load(part.file(theirs.main), mmap_mode="r")
                for start in range(0, len(classes), TOGETHER):
                    block = classes[start : start + TOGETHER]
                    sink.put(head, block, Window(top + start, top + start + len(block), 0, classes.shape[1]))
    for part in parts:
        for theirs in files.values():
            part.file(theirs.main).unlink()
    return Predicted(source.size, _written(files), {head: each.classes.tolist() for head, each in sink.counts.items()})


def _written(files: Mapping[str, Files]) -> tuple[Path, ...]:
    return tuple(file for head in files.values() for file in head.all)


def _start(ray: Any, address: str | None, workers: int) -> None:
    ray.data.DataContext.get_current().enable_progress_bars = False
    if not ray.is_initialized():
        local = {} if address or os.environ.get("RAY_ADDRESS") else {"num_cpus": max(os.cpu_count() or 1, workers + 1)}
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="warning", **local)


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError(f'--engine ray needs Ray Data ({error}): pip install "segzoo-torch[ray]"') from error
    return ray
