"""A model held against data: one confusion matrix over all images, and how each image fared."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from segzoo import __version__
from segzoo.data.batches import loader, original
from segzoo.data.dataset import Dataset
from segzoo.data.order import Evenly
from segzoo.data.samples import Broken, Samples
from segzoo.errors import DataError, OptionError
from segzoo.evaluation.augmented import Augmented
from segzoo.evaluation.classes import match_classes
from segzoo.files import write_whole
from segzoo.metrics import Scores, confusion_matrix
from segzoo.model import SegmentationModel
from segzoo.modes import evaluating
from segzoo.prediction import predict

FILE = "evaluation.json"


@dataclass(frozen=True)
class ImageScore:
    """How one image fared.

    :param miou: over the classes that are there or predicted; NaN where no pixel counts.
    """

    name: str
    miou: float
    accuracy: float
    pixels: int


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    :param names: of the classes.
    :param images: in the order in which they were read; those that were skipped aren't among them.
    :param skipped: samples that couldn't be read.
    """

    scores: Scores
    names: tuple[str, ...]
    images: tuple[ImageScore, ...]
    skipped: tuple[str, ...] = ()

    def worst(self, count: int) -> list[ImageScore]:
        """The images with the lowest mIoU."""
        return sorted((each for each in self.images if each.miou == each.miou), key=lambda each: each.miou)[:count]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "segzoo": __version__,
            **self.scores.to_dict(self.names),
            "confusion": self.scores.confusion.tolist(),
            "images": [
                {"name": each.name, "miou": _known(each.miou), "accuracy": _known(each.accuracy), "pixels": each.pixels}
                for each in self.images
            ],
            "skipped": list(self.skipped),
        }


def evaluate(
    model: SegmentationModel,
    dataset: Dataset,
    names: Sequence[str],
    *,
    head: str | None = None,
    flips: bool = False,
    scales: Sequence[float] = (1.0,),
    tile: int = 1024,
    margin: int = 128,
    worst: int = 8,
    output: Path | None = None,
    workers: int = 0,
    broken: Broken = "raise",
    quiet: bool = False,
) -> Evaluation:
    """Segment each image at its own size, in tiles where it is large, and count how classes meet.

    :param names: of the samples to read.
    :param head: of a model with several, which one the data is about.
    :param flips: whether each image is looked at mirrored as well; `scales`: at which sizes.
    :param tile: side of a tile in pixels; `margin`: context around what is kept of it.
    :param worst: how many of the worst images `worst.png` shows.
    :param output: a folder for `evaluation.json`, `confusion.png` and `worst.png`; none are written if None.
    :param workers: processes that read images.
    :param broken: what to do about a sample that can't be read.
    :raises DataError: for data that can't be read, or whose classes aren't the model's.
    :raises OptionError: for a head that the model hasn't, or sizes of tiles that can't be.
    """
    if not names:
        raise DataError(f"{dataset.path} has no samples to evaluate on")
    count, named = _head(model, head)
    classes = model.labels.get(head or "logits")
    same = torch.tensor(match_classes(classes.names if classes else (), dataset.labels.names, count))
    samples = Samples(dataset, names, model.preprocessing, broken=broken)
    seeing = model if tuple(scales) == (1.0,) and not flips else Augmented(model, scales, flips)
    grid = math.lcm(*model.plan.spec.strides, model.plan.input_spec.multiple)
    total = torch.zeros(dataset.classes, dataset.classes, dtype=torch.int64)
    images: list[ImageScore] = []
    skipped: list[str] = []
    batches = loader(samples, Evenly(len(samples), 1), workers)
    with evaluating(model):
        progress = tqdm(zip(names, batches, strict=True), total=len(names), unit="image", disable=quiet, delay=2)
        try:
            for name, (image, target) in progress:
                seen = predict(seeing, image, tile=tile, margin=margin, grid=grid)
                predicted = same[seen[named] if isinstance(seen, dict) else seen]
                confusion = confusion_matrix(predicted, target, dataset.classes)
                scores = Scores(confusion)
                if scores.pixels == 0 and samples.is_blank(image, target):
                    skipped.append(name)
                    continue
                total += confusion
                images.append(ImageScore(name, scores.miou, scores.accuracy, scores.pixels))
        except DataError as error:
            raise original(error) from error
    found = Evaluation(Scores(total), dataset.labels.names, tuple(images), tuple(skipped))
    if output is not None:
        from segzoo.evaluation.report import draw_confusion, draw_worst

        output.mkdir(parents=True, exist_ok=True)
        write_whole(output / FILE, json.dumps(found.to_dict(), indent=1) + "\n")
        draw_confusion(output / "confusion.png", found)

        def again(name: str) -> Tensor:
            image = model.preprocessing(dataset.read(name).image)
            seen = predict(seeing, image, tile=tile, margin=margin, grid=grid)
            return same[seen[named] if isinstance(seen, dict) else seen]

        with evaluating(model):
            draw_worst(output / "worst.png", found.worst(worst), dataset, again)
    return found


def _head(model: SegmentationModel, head: str | None) -> tuple[int, str]:
    heads = model.head.classes.heads
    if head is None:
        if len(heads) > 1:
            raise OptionError(f"the model has the heads {', '.join(heads)}; say which one the data is about")
        head = next(iter(heads))
    if head not in heads:
        raise OptionError(f"the model has no head {head!r}; it has {', '.join(heads)}")
    return heads[head], head


def _known(value: float) -> float | None:
    return None if value != value else round(value, 6)
