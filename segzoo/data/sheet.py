"""A contact sheet: some images with their masks, chosen so that each class is seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segzoo.data.dataset import Dataset
from segzoo.data.sample import Sample
from segzoo.data.target import object_numbers, panoptic_target
from segzoo.errors import DataError
from segzoo.labels import Colour
from segzoo.pictures import as_picture, colour, draw_rows, outlines, overlay, palette
from segzoo.pictures.colours import Picture

SHOWN = 10
LOOKED_AT = 200
LARGEST = 512  # pixels a side of a picture
OUTLINE = (255, 255, 255)


def draw_sheet(path: Path, dataset: Dataset, names: Sequence[str], shown: int = SHOWN) -> None:
    """Draw images, their masks, and the masks laid over the images, with outlines of objects that are told apart.

    :param names: of the samples to choose from; of many, the first are looked at.
    :raises DataError: when none can be read.
    """
    colours = dataset.labels.palette or palette(dataset.classes)
    pictures, masks, both = [], [], []
    captions = choose(dataset, names[:LOOKED_AT], shown)
    if not captions:
        raise DataError(f"none of the first {LOOKED_AT} samples of {dataset.path} can be read")
    for name in captions:
        sample = dataset.read(name)
        step = -(-max(sample.mask.shape) // LARGEST)
        pictures.append(as_picture(sample.image)[::step, ::step])
        masks.append(sample.mask[::step, ::step])
        both.append(_overlay(dataset, sample, pictures[-1], colours, step))
    draw_rows(
        path,
        f"{len(captions)} samples of {dataset.path.name}",
        [
            ("image", pictures),
            ("mask", [colour(mask, colours) for mask in masks]),
            ("both", both),
        ],
        dataset.labels.names,
        colours,
        captions=[Path(name).name[-24:] for name in captions],
    )


def _overlay(dataset: Dataset, sample: Sample, picture: Picture, colours: Sequence[Colour], step: int) -> Picture:
    drawn = overlay(picture, sample.mask[::step, ::step], colours)
    if dataset.has_instances:
        numbers = object_numbers(panoptic_target(sample, dataset.labels), dataset.classes).numpy()
        drawn[outlines(numbers[::step, ::step])] = OUTLINE
    return drawn


def choose(dataset: Dataset, names: Sequence[str], count: int) -> list[str]:
    """Samples that show as many classes as so few can: at each step the one with most that weren't seen yet."""
    classes: dict[str, set[int]] = {}
    for name in names:
        try:
            classes[name] = {int(each) for each in np.unique(dataset.read(name).mask) if each >= 0}
        except DataError:
            continue
    chosen: list[str] = []
    seen: set[int] = set()
    while classes and len(chosen) < count:
        best = max(classes, key=lambda name: len(classes[name] - seen))
        seen |= classes.pop(best)
        chosen.append(best)
    return chosen
