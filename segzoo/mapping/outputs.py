"""The files that are written of one image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segzoo.files import replacing
from segzoo.labels import IGNORE
from segzoo.mapping.head_classes import HeadClasses
from segzoo.mapping.naming import Files
from segzoo.mapping.opening import FileSource
from segzoo.mapping.polygons import write_polygons
from segzoo.mapping.rasters import RasterSource
from segzoo.mapping.task import Wanted
from segzoo.mapping.writers import ArrayWriter, PngWriter, Writer, tiff_writer
from segzoo.pictures.colours import as_picture, overlay
from segzoo.prediction.source import Window
from segzoo.prediction.streaming import Output

SIDE = 2048
"""Pixels that an overlay's longer side has at most."""


class Reduced:
    """Every so many pixels of a class map."""

    def __init__(self, size: tuple[int, int], step: int) -> None:
        self.step = step
        self.classes = np.full([-(-side // step) for side in size], IGNORE)

    def write(self, values: NDArray[np.generic], window: Window) -> None:
        top, bottom, left, right = (-(-edge // self.step) for edge in window)
        inner = values[-window.top % self.step :: self.step, -window.left % self.step :: self.step]
        self.classes[top:bottom, left:right] = inner


class Counts:
    """How many pixels each class has."""

    def __init__(self, head: HeadClasses) -> None:
        self.classes = np.zeros(head.classes, np.int64)

    def write(self, values: NDArray[np.generic], window: Window) -> None:
        self.classes += np.bincount(values.ravel(), minlength=len(self.classes))[: len(self.classes)]


class FileSink:
    """Writes each head's blocks to its writers."""

    def __init__(
        self, heads: Mapping[str, HeadClasses], writers: Mapping[str, list[Writer]], counts: Mapping[str, Counts]
    ) -> None:
        self.heads = heads
        self.writers = writers
        self.counts = counts

    @property
    def pixels(self) -> dict[str, list[int]]:
        """How many each class has, by head; of logits and probabilities there are none."""
        return {head: each.classes.tolist() for head, each in self.counts.items()}

    def write(self, head: str, values: Tensor, valid: Tensor | None, window: Window) -> None:
        if values.is_floating_point():
            block = values[0].float().cpu() if valid is None else values[0].float().cpu().where(valid, torch.nan)
            self.put(head, block.numpy(), window)
            return
        classes = values[0].cpu().numpy().astype(self.heads[head].dtype)
        if valid is not None:
            classes[~valid.numpy()] = self.heads[head].nodata
        self.put(head, classes, window)

    def put(self, head: str, values: NDArray[np.generic], window: Window) -> None:
        """Write what is as files have it: no data among the values."""
        for writer in self.writers[head]:
            writer.write(values, window)


@contextmanager
def writing(
    source: FileSource, heads: Mapping[str, HeadClasses], files: Mapping[str, Files], wanted: Wanted
) -> Iterator[FileSink]:
    """A sink, whose files appear under their names when all is written, that with the classes last.

    :param files: of each head.
    :raises OptionError: when they can't be written.
    """
    step = -(-max(source.size) // SIDE)
    with ExitStack() as stack:
        partials = {name: stack.enter_context(replacing(each.main)) for name, each in files.items()}
        pictures = {name: Reduced(source.size, step) for name, each in files.items() if each.overlay}
        with ExitStack() as inner:  # closed before the files get their names
            main = {name: _writer(inner, source, heads[name], path, wanted.output) for name, path in partials.items()}
            counts = {name: Counts(heads[name]) for name in files if wanted.output == "classes"}
            kinds: list[Mapping[str, Writer]] = [main, counts, pictures]
            writers = {name: [kind[name] for kind in kinds if name in kind] for name in files}
            yield FileSink(heads, writers, counts)
        for name, each in files.items():
            writer = main[name]
            if isinstance(writer, PngWriter):
                writer.save(partials[name])
            if each.overlay:
                partial = stack.enter_context(replacing(each.overlay))
                _draw(partial, source.reduced(step), pictures[name].classes, heads[name])
            if each.polygons:
                partial = stack.enter_context(replacing(each.polygons))
                write_polygons(partials[name], partial, heads[name])


def _writer(stack: ExitStack, source: FileSource, head: HeadClasses, path: Path, output: Output) -> Writer:
    if isinstance(source, RasterSource) and source.is_tiff:
        return stack.enter_context(tiff_writer(path, source.size, head, source.place, output != "classes"))
    return PngWriter(source.size, head) if output == "classes" else ArrayWriter(path, source.size, head)


def _draw(path: Path, picture: NDArray[np.generic], classes: NDArray[np.generic], head: HeadClasses) -> None:
    from PIL import Image

    known = np.where(classes == head.nodata, IGNORE, classes)
    Image.fromarray(overlay(as_picture(picture), known, head.palette)).save(path, format="PNG")
