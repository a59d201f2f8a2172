"""What the demo leaves behind: pictures to look at, numbers and plans. No file is ever half-written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segzoo.demo.dataset import NAME
from segzoo.demo.scenes import CLASSES, PALETTE, Scene
from segzoo.files import write_whole
from segzoo.pictures import INK, colour, dark_figure, draw_rows, legend, overlay, save, title

if TYPE_CHECKING:
    from segzoo.demo import Trained


def write_results(folder: Path, trained: Sequence[Trained], settings: dict[str, Any]) -> None:
    """Write `results.json`: the settings, and per model its parameters, seconds, mIoU and the IoU of each class."""
    content = {"settings": settings, "classes": CLASSES, "results": [each.to_dict() for each in trained]}
    write_whole(folder / "results.json", json.dumps(content, indent=2) + "\n")


def write_plans(folder: Path, trained: Sequence[Trained]) -> None:
    """Write `plans/PAIR.txt` to read and `plans/PAIR.json` to process."""
    plans = folder / "plans"
    plans.mkdir(exist_ok=True)
    for each in trained:
        stem = _stem(each)
        write_whole(plans / f"{stem}.txt", f"{each.model.plan}\n")
        write_whole(plans / f"{stem}.json", json.dumps(each.model.plan.to_dict(), indent=2) + "\n")


def save_models(folder: Path, trained: Sequence[Trained]) -> None:
    """Save each model as `models/PAIR`, which `segzoo show` and `segzoo predict` take."""
    for each in trained:
        each.model.save_pretrained(folder / "models" / _stem(each), metrics={"mIoU": each.miou}, dataset=NAME)


def draw_comparison(
    folder: Path, scenes: Sequence[Scene], predictions: Sequence[NDArray[np.int64]], trained: Sequence[Trained]
) -> None:
    """Draw `comparison.png`: a column per scene; below picture and truth a row per model.

    :param predictions: of each model, the class maps of those scenes (scenes, H, W).
    """
    rows: list[tuple[str, Sequence[NDArray[np.uint8]]]] = [
        ("scene", [scene.picture for scene in scenes]),
        ("truth", [colour(scene.mask, PALETTE) for scene in scenes]),
        *(
            (label(each, "\n"), list(colour(classes, PALETTE)))
            for each, classes in zip(trained, predictions, strict=True)
        ),
    ]
    draw_rows(folder / "comparison.png", "Handwritten digits that no model has seen", rows, CLASSES, PALETTE)


def draw_photo(
    folder: Path, photo: NDArray[np.uint8], predictions: Sequence[NDArray[np.int64]], trained: Sequence[Trained]
) -> None:
    """Draw `photo.png`: the photograph, and what each model sees in it laid over.

    :param predictions: of each model, its class map (H, W).
    """
    panels = [("photograph", photo)]
    panels += [
        (label(each, "  "), overlay(photo, seen, PALETTE)) for each, seen in zip(trained, predictions, strict=True)
    ]
    columns = math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    height = 5 * min(2.0, photo.shape[0] / photo.shape[1])
    figure = dark_figure(5 * columns, (height + 0.4) * rows + 0.9)
    grid = figure.subplots(
        rows, columns, squeeze=False,
        gridspec_kw={"left": 0.01, "right": 0.99, "top": 1 - 0.85 / figure.get_figheight(),
                     "bottom": 0.6 / figure.get_figheight(), "wspace": 0.02, "hspace": 0.4 / height},
    )  # fmt: skip
    for axes in grid.flat:
        axes.axis("off")
    for axes, (text, picture) in zip(grid.flat, panels, strict=False):
        axes.imshow(picture)
        axes.set_title(text, color=INK, fontsize=11)
    title(figure, "A photograph, seen by models that know nothing but digits")
    legend(figure, CLASSES, PALETTE)
    save(figure, folder / "photo.png")


def _stem(each: Trained) -> str:
    """What files of a pair are called."""
    return re.sub(r"[^\w.+-]+", "_", str(each.pair))


def label(each: Trained, separator: str) -> str:
    return separator.join([each.pair.encoder, f"+ {each.pair.decoder}", f"mIoU {each.miou:.2f}"])
