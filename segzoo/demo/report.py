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

from segzoo.demo.scenes import CLASSES, Scene
from segzoo.files import replacing, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from segzoo.demo import Trained

GROUND = "#14161c"
INK = "#e8e8ea"
# Ten hues that stay apart on a dark ground (after Matplotlib's tab10), and the ground itself for the background.
PALETTE = ("#2b2f3a", "#4e9bd6", "#ff9f40", "#5fc26a", "#ef5b5b", "#b58ae0", "#b07a5e", "#f294cf", "#a3a8b3",
           "#d9d94a", "#3fd0dc")  # fmt: skip
OPACITY = 0.65  # of the classes laid over a photograph


def write_results(folder: Path, trained: Sequence[Trained], settings: dict[str, Any]) -> None:
    """Write `results.json`: the settings, and per model its parameters, seconds, mIoU and the IoU of each class."""
    content = {"settings": settings, "classes": CLASSES, "results": [each.to_dict() for each in trained]}
    write_whole(folder / "results.json", json.dumps(content, indent=2) + "\n")


def write_plans(folder: Path, trained: Sequence[Trained]) -> None:
    """Write `plans/PAIR.txt` to read and `plans/PAIR.json` to process."""
    plans = folder / "plans"
    plans.mkdir(exist_ok=True)
    for each in trained:
        stem = re.sub(r"[^\w.+-]+", "_", str(each.pair))
        write_whole(plans / f"{stem}.txt", f"{each.model.plan}\n")
        write_whole(plans / f"{stem}.json", json.dumps(each.model.plan.to_dict(), indent=2) + "\n")


def draw_comparison(
    folder: Path, scenes: Sequence[Scene], predictions: Sequence[NDArray[np.int64]], trained: Sequence[Trained]
) -> None:
    """Draw `comparison.png`: a column per scene; below picture and truth a row per model.

    :param predictions: of each model, the class maps of those scenes (scenes, H, W).
    """
    rows: list[tuple[str, Sequence[NDArray[np.uint8]]]] = [
        ("scene", [scene.picture for scene in scenes]),
        ("truth", [colour(scene.mask) for scene in scenes]),
        *((label(each, "\n"), list(colour(classes))) for each, classes in zip(trained, predictions, strict=True)),
    ]
    figure = dark_figure(2.1 + 1.35 * len(scenes), 1.1 + 1.35 * len(rows))
    grid = figure.subplots(
        len(rows), len(scenes), squeeze=False,
        gridspec_kw={"left": 2.0 / figure.get_figwidth(), "right": 1 - 0.1 / figure.get_figwidth(),
                     "top": 1 - 0.5 / figure.get_figheight(), "bottom": 0.6 / figure.get_figheight(),
                     "wspace": 0.05, "hspace": 0.05},
    )  # fmt: skip
    for axes_row, (text, pictures) in zip(grid, rows, strict=True):
        for axes, picture in zip(axes_row, pictures, strict=True):
            axes.imshow(picture, interpolation="nearest")
            axes.axis("off")
        axes_row[0].text(
            -0.08, 0.5, text, transform=axes_row[0].transAxes, ha="right", va="center", color=INK, linespacing=1.5
        )
    title(figure, "Handwritten digits that no model has seen")
    legend(figure)
    save(figure, folder / "comparison.png")


def draw_photo(
    folder: Path, photo: NDArray[np.uint8], predictions: Sequence[NDArray[np.int64]], trained: Sequence[Trained]
) -> None:
    """Draw `photo.png`: the photograph, and what each model sees in it laid over.

    :param predictions: of each model, its class map (H, W).
    """
    panels = [("photograph", photo)]
    panels += [(label(each, "  "), overlay(photo, seen)) for each, seen in zip(trained, predictions, strict=True)]
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
    legend(figure)
    save(figure, folder / "photo.png")


def label(each: Trained, separator: str) -> str:
    return separator.join([each.pair.encoder, f"+ {each.pair.decoder}", f"mIoU {each.miou:.2f}"])


def colour(classes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Class maps (..., H, W) in the colours of the palette: (..., H, W, 3)."""
    return np.array([[int(hue[i : i + 2], 16) for i in (1, 3, 5)] for hue in PALETTE], np.uint8)[classes]


def overlay(photo: NDArray[np.uint8], classes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """A greyish photograph, coloured where a class other than the background is seen."""
    grey = photo.mean(axis=2, keepdims=True).repeat(3, axis=2)
    opacity = np.where(classes > 0, OPACITY, 0)[..., None]
    return (grey * (1 - opacity) + colour(classes) * opacity).astype(np.uint8)


def dark_figure(width: float, height: float) -> Figure:
    """A figure of that many inches. No pyplot: neither a display nor global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=150, facecolor=GROUND)


def title(figure: Figure, text: str) -> None:
    figure.text(0.5, 1 - 0.26 / figure.get_figheight(), text, ha="center", va="center", color=INK, fontsize=14)


def legend(figure: Figure) -> None:
    """The classes and their colours, along the bottom."""
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=hue, edgecolor=INK, linewidth=0.5) for hue in PALETTE]
    figure.legend(
        patches, CLASSES, loc="lower center", ncols=len(CLASSES), frameon=False, labelcolor=INK, fontsize=11,
        handlelength=1.0, handleheight=1.0, handletextpad=0.5, columnspacing=1.2,
    )  # fmt: skip


def save(figure: Figure, path: Path) -> None:
    with replacing(path) as unfinished:
        figure.savefig(unfinished, format="png")
