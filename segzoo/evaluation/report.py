"""Pictures of where a model fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from segzoo.data.dataset import Dataset
from segzoo.labels import IGNORE
from segzoo.pictures import GROUND, INK, as_picture, colour, dark_figure, draw_rows, palette, save, title

if TYPE_CHECKING:
    from segzoo.evaluation.evaluating import Evaluation, ImageScore

NUMBERED = 20
"""Classes up to which each cell of the matrix has its number."""
LONGEST = 28
"""Letters of a class's name that there is room for."""
SHOWN = 512
"""Pixels a side of a picture at most."""
RIGHT, WRONG = (40, 44, 54), (239, 91, 91)


def draw_confusion(path: Path, found: Evaluation) -> None:
    """Draw the confusion matrix, each row as shares of its true class, beside the IoU of each class."""
    confusion = found.scores.confusion.numpy().astype(float)
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    count = len(found.names)
    names = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in found.names]
    side = max(4.0, min(0.42 * count, 24.0))
    label = 0.6 + 0.075 * max(map(len, names))
    figure = dark_figure(side + label + 3.2, side + label + 0.7)
    width, height = figure.get_figwidth(), figure.get_figheight()
    axes = figure.add_axes((label / width, label / height, side / width, side / height), facecolor=GROUND)
    axes.imshow(shares, cmap="magma", vmin=0, vmax=1, aspect="auto")
    bars = figure.add_axes(((label + side + 0.2) / width, label / height, 2.6 / width, side / height), facecolor=GROUND)
    iou = found.scores.iou.numpy()
    bars.barh(range(count), np.nan_to_num(iou), color="#4e9bd6")
    bars.set_ylim(count - 0.5, -0.5)
    bars.set_xlim(0, 1)
    bars.set_yticks([])
    bars.set_xlabel("IoU", color=INK)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true", color=INK)
    size = max(3.0, min(9.0, 72 * side / max(count, 1) * 0.6))
    axes.set_xticks(range(count), names, rotation=90, fontsize=size)
    axes.set_yticks(range(count), names, fontsize=size)
    if count <= NUMBERED:
        for row in range(count):
            known = "-" if np.isnan(iou[row]) else f"{iou[row]:.2f}"
            bars.text(0.02, row, known, va="center", color=INK, fontsize=7)
            for column in range(count):
                if shares[row, column] >= 0.005:
                    ink = GROUND if shares[row, column] > 0.6 else INK
                    axes.text(
                        column, row, f"{100 * shares[row, column]:.0f}", ha="center", va="center", color=ink, fontsize=7
                    )
    for each in (axes, bars):
        each.tick_params(colors=INK, length=0)
    title(figure, f"mIoU {found.scores.miou:.3f}: each true class in percent, by what it was taken for")
    save(figure, path)


def draw_worst(
    path: Path,
    images: Sequence[ImageScore],
    dataset: Dataset,
    segment: Callable[[NDArray[Any], str], Tensor],
    quiet: bool = False,
) -> None:
    """Draw the worst images: picture, truth, prediction, and where they differ. Without images there is no file.

    :param segment: an image (H, W, C) as it is stored, and its name, to the class map (H, W).
    """
    if not images:
        path.unlink(missing_ok=True)  # that of another evaluation
        return
    colours = dataset.labels.palette or palette(dataset.classes)
    pictures, truths, guesses, errors = [], [], [], []
    for each in tqdm(images, desc="the worst images", unit="image", disable=quiet, delay=2):
        sample = dataset.read(each.name)
        predicted = segment(sample.image, each.name).numpy()
        wrong = np.where(sample.mask == IGNORE, IGNORE, predicted != sample.mask)
        step = -(-max(sample.mask.shape) // SHOWN)
        pictures.append(as_picture(sample.image)[::step, ::step])
        truths.append(colour(sample.mask[::step, ::step], colours))
        guesses.append(colour(predicted[::step, ::step], colours))
        errors.append(colour(wrong[::step, ::step], (RIGHT, WRONG)))
    draw_rows(
        path,
        "The worst images",
        [("image", pictures), ("truth", truths), ("prediction", guesses), ("errors", errors)],
        dataset.labels.names,
        colours,
        captions=[f"{Path(each.name).name[-24:]}\nmIoU {each.miou:.2f}" for each in images],
    )
