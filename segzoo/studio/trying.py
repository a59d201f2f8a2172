"""A model tried on a visitor's image: the mask as `segzoo predict` writes it, and what is shown of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segzoo.data.reading import read_mask
from segzoo.errors import InputError
from segzoo.head import Logits
from segzoo.labels import IGNORE
from segzoo.mapping import HeadClasses, Input, Predictor, Task, Wanted, open_source, predict_file
from segzoo.mapping.naming import name_outputs
from segzoo.model import SegmentationModel
from segzoo.pictures import as_picture
from segzoo.pictures.colours import Picture
from segzoo.prediction import Tiling
from segzoo.prediction.engine import Engine
from segzoo.studio.images import check_image, naming
from segzoo.studio.settings import Settings

SIDE = 1280
"""Pixels that a shown picture's longer side has at most."""

Progress = Callable[[float], None]
"""Is told which share is done."""


@dataclass(frozen=True)
class Head:
    """What one head of a model found.

    :param classes: what it tells apart.
    :param mask: the file that holds the class of each pixel.
    :param pixels: how many each class has.
    :param shown: int64 (h, w), the class map reduced to look at; `IGNORE` where there are no data.
    """

    classes: HeadClasses
    mask: Path
    pixels: list[int]
    shown: NDArray[np.int64]

    def name(self, number: int) -> str:
        return self.classes.labels.name(number)


@dataclass(frozen=True)
class Found:
    """What a model found in an image.

    :param model: its folder or hub id.
    :param picture: uint8 (h, w, 3), the image reduced to look at.
    :param heads: by name; empty where there is one, without a name.
    """

    model: str
    picture: Picture
    heads: Mapping[str, Head]

    def head(self, name: str | None) -> Head:
        """A head by name; the first where this model has none of that name."""
        return self.heads.get(name or "") or next(iter(self.heads.values()))


def segment(
    name: str,
    model: SegmentationModel,
    image: Path,
    folder: Path,
    settings: Settings,
    *,
    left: Event | None = None,
    progress: Progress | None = None,
) -> Found:
    """Find the class of each pixel, tile by tile.

    :param name: of the model.
    :param image: a visitor's file.
    :param folder: to write the masks into.
    :param left: once it is set, no further tile is computed.
    :raises InputError: for a file that is no image, is too large or that the model can't take; or when the visitor
        left.
    :raises MissingExtraError: for a TIFF, without rasterio.
    """
    height, width = check_image(image, settings.max_pixels)
    predictor = Predictor.of(model, devices=[settings.device])
    tiling = Tiling(settings.tile, grid=predictor.grid)
    tiles = len(tiling.spans(height)) * len(tiling.spans(width))
    watched = [_watched(engine, tiles, left, progress) for engine in predictor.engines]
    given = Input(image, image.stem)
    files = name_outputs([given], folder, predictor.heads, Wanted())[given]
    step = -(-max(height, width) // SIDE)
    with naming(image):
        folder.mkdir(parents=True, exist_ok=True)
        predicted = predict_file(replace(predictor, engines=watched), given, files, Task(Wanted(), tiling))
        with open_source(image, predictor.preprocessing) as source:
            picture = as_picture(source.reduced(step))
    heads = {
        head: Head(classes, files[head].main, predicted.pixels[head], _reduced(files[head].main, step, classes))
        for head, classes in predictor.heads.items()
    }
    return Found(name, picture, heads)


def _watched(engine: Engine, tiles: int, left: Event | None, progress: Progress | None) -> Engine:
    """An engine that tells of each tile, and stops when nobody waits for it."""
    done = 0

    def compute(batch: Tensor) -> Logits:
        nonlocal done
        if left is not None and left.is_set():
            raise InputError("the page was closed, and the image is not segmented any further")
        logits = engine(batch)
        done += 1
        if progress is not None:
            progress(done / tiles)
        return logits

    return compute


def _reduced(mask: Path, step: int, classes: HeadClasses) -> NDArray[Any]:
    numbers = read_mask(mask)[::step, ::step].astype(np.int64)
    return np.where(numbers < classes.classes, numbers, IGNORE)
