"""A large raster shared among processes: each predicts some rows of tiles, and one puts them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segzoo.errors import DataError, InputError
from segzoo.files import replacing
from segzoo.mapping.inputs import Input
from segzoo.mapping.naming import Files, all_of, clear
from segzoo.mapping.opening import TIFF, open_source
from segzoo.mapping.outputs import FileSink, writing
from segzoo.mapping.predictor import Predictor
from segzoo.mapping.record import is_newer
from segzoo.mapping.task import Predicted, Task
from segzoo.prediction.explaining import explained
from segzoo.prediction.source import Window
from segzoo.prediction.streaming import stream

ROWS = 8
"""Rows of tiles of a part. One more is computed, that fades into them."""
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


def parts_of(each: Input, predictor: Predictor, task: Task) -> Iterator[Part]:
    """A large raster's parts, from top to bottom; any other file is one."""
    whole = Part(str(each.path.absolute()), each.name)  # others may run elsewhere
    count = 0
    if task.wanted.output == "classes" and each.path.suffix.lower() in TIFF:
        try:
            with open_source(each.path, predictor.preprocessing, task.bands) as source:
                count = len(task.tiling.spans(source.size[0]))
        except (DataError, InputError):
            pass  # whoever predicts it says so
    if count <= 2 * ROWS:
        yield whole
        return
    for start in range(0, count, ROWS):
        yield whole._replace(start=start, stop=min(start + ROWS, count))


def predict_part(predictor: Predictor, part: Part, files: Mapping[str, Files], task: Task) -> None:
    """Predict some rows of tiles of a file, and leave their classes as arrays, unless they are there.

    :param files: of the whole, by head.
    :raises DataError: when the file can't be read.
    :raises InputError: when the model can't take it, or memory is full.
    :raises OptionError: when the classes can't be written.
    """
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


def join(predictor: Predictor, each: Input, parts: Sequence[Part], files: Mapping[str, Files], task: Task) -> Predicted:
    """Write a file's outputs from its parts, which are taken away.

    :raises OptionError: when they can't be written.
    """
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
    for file in all_of(files):
        clear(file)
    return Predicted(source.size, all_of(files), sink.pixels)
