"""A model held against data: one confusion matrix over all images, and how each image fared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from segzoo import __version__
from segzoo.data.batches import loader
from segzoo.data.dataset import Dataset
from segzoo.data.order import Evenly
from segzoo.data.samples import Broken, Samples
from segzoo.data.target import classes_of_batch
from segzoo.errors import DataError, OptionError
from segzoo.evaluation.average_precision import ObjectMetrics, ObjectScores
from segzoo.evaluation.finding import Finder, scored_tasks
from segzoo.evaluation.panoptic_quality import PanopticMetrics, PanopticScores
from segzoo.evaluation.segmenting import Segmenter
from segzoo.files import check_writable, write_whole
from segzoo.metrics import Scores, confusion_matrix, known_number
from segzoo.model import SegmentationModel
from segzoo.modes import evaluating
from segzoo.prediction.tiling import Tiling

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
    :param settings: what was held against what, and how; plain data.
    :param instance: how well objects were found, and `panoptic` how well segments were; None where that wasn't asked.
    """

    scores: Scores
    names: tuple[str, ...]
    images: tuple[ImageScore, ...]
    skipped: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    instance: ObjectScores | None = None
    panoptic: PanopticScores | None = None

    def worst(self, count: int) -> list[ImageScore]:
        """The images with the lowest mIoU."""
        return sorted((each for each in self.images if each.miou == each.miou), key=lambda each: each.miou)[:count]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "segzoo": __version__,
            "settings": dict(self.settings),
            **self.scores.to_dict(self.names),
            "confusion": self.scores.confusion.tolist(),
            "images": [
                {
                    "name": each.name,
                    "miou": known_number(each.miou),
                    "accuracy": known_number(each.accuracy),
                    "pixels": each.pixels,
                }
                for each in self.images
            ],
            "skipped": list(self.skipped),
            **{task: scores.to_dict(self.names) for task, scores in self._of_objects()},
        }

    def table(self) -> str:
        """A line for each class, and the means below."""
        further = {}
        if self.instance is not None:
            further["AP"] = self.instance.classes
        if self.panoptic is not None:
            further["PQ"] = self.panoptic.pq
        lines = [self.scores.table(self.names, further), *(f"{task}: {scores}" for task, scores in self._of_objects())]
        return "\n".join(lines)

    def _of_objects(self) -> Iterator[tuple[str, ObjectScores | PanopticScores]]:
        if self.instance is not None:
            yield "instance", self.instance
        if self.panoptic is not None:
            yield "panoptic", self.panoptic


def evaluate(
    model: SegmentationModel,
    dataset: Dataset,
    names: Sequence[str],
    *,
    tasks: Sequence[str] | None = None,
    head: str | None = None,
    flips: bool = False,
    scales: Sequence[float] = (1.0,),
    tile: int = 1024,
    margin: int | None = None,
    worst: int = 8,
    output: Path | None = None,
    workers: int = 0,
    broken: Broken = "raise",
    quiet: bool = False,
) -> Evaluation:
    """Segment each image at its own size, in tiles where it is large, and count how classes meet.

    Objects and segments are found in the image as a whole, and seen once.

    :param names: of the samples to read.
    :param tasks: `"instance"` and `"panoptic"` are scored beside `"semantic"`, which always is. If None both, where the
        decoder answers them and the data tells objects apart.
    :param head: of a model with several, which one the data is about.
    :param flips: whether each image is looked at mirrored as well; `scales`: at which sizes.
    :param tile: side of a tile in pixels; `margin`: context around what counts of it.
    :param worst: how many of the worst images `worst.png` shows.
    :param output: a folder for `evaluation.json`, `confusion.png` and `worst.png`; none are written if None.
    :param workers: processes that read images.
    :param broken: what to do about a sample that can't be read.
    :raises DataError: for data that can't be read, or whose classes or channels aren't the model's, or in which no
        pixel has a class.
    :raises OptionError: for a task that model or data can't, a head that the model hasn't, sizes of tiles that can't
        be, or an output that can't be written to.
    :raises InputError: for an image that the model can't take, or that memory is too small for.
    :raises MissingExtraError: without torchmetrics, or faster-coco-eval for objects, or for an output without
        Matplotlib.
    """
    if not names:
        raise DataError(f"{dataset.path} has no samples to evaluate on")
    objects = scored_tasks(model, dataset, tasks)
    segmenter = Segmenter(model, dataset, head=head, flips=flips, scales=scales, tile=tile, margin=margin)
    finder = Finder(model, dataset, segmenter) if objects else None
    instance = ObjectMetrics(dataset.classes) if "instance" in objects else None
    panoptic = PanopticMetrics(dataset.classes, dataset.labels.things) if "panoptic" in objects else None
    if output is not None:
        _check_output(output)
    samples = Samples(dataset, names, model.preprocessing, broken=broken, instances=bool(objects), crowds=bool(objects))
    total = Scores(torch.zeros(dataset.classes, dataset.classes, dtype=torch.int64))
    images: list[ImageScore] = []
    skipped: list[str] = []
    batches = loader(samples, Evenly(len(samples), 1), workers)
    with evaluating(model):
        progress = tqdm(
            zip(names, batches, strict=True),
            total=len(names), desc="evaluating", unit="image", disable=quiet, delay=2,
        )  # fmt: skip
        for name, (image, target) in progress:
            if broken == "skip" and samples.is_blank(image, target):
                skipped.append(name)
                continue
            scores = Scores(confusion_matrix(segmenter(image, name), classes_of_batch(target), dataset.classes))
            total += scores
            if finder is not None:
                found_objects, found_segments = finder(image, name, objects)
                if instance is not None and found_objects is not None:
                    instance.update(found_objects, target[0])
                if panoptic is not None and found_segments is not None:
                    panoptic.update(found_segments, target[0])
            images.append(ImageScore(name, scores.miou, scores.accuracy, scores.pixels))
    if not total.pixels:
        read = f"{len(images)} samples could be read, {len(skipped)} could not"
        raise DataError(f"{dataset.path}: no pixel has a class that a score could be of; {read}")
    settings = {
        "encoder": model.plan.encoder.id,
        "decoder": model.plan.decoder.id,
        "data": str(dataset.path),
        "tasks": ["semantic", *objects],
        "head": segmenter.head,
        "flips": flips,
        "scales": list(scales),
        "tile": tile,
        "margin": Tiling(tile, margin).context,
    }
    found = Evaluation(
        total, dataset.labels.names, tuple(images), tuple(skipped), settings,
        instance=None if instance is None else instance.compute(),
        panoptic=None if panoptic is None else panoptic.compute(),
    )  # fmt: skip
    if output is not None:
        from segzoo.evaluation.report import draw_confusion, draw_worst

        write_whole(output / FILE, json.dumps(found.to_dict(), indent=1) + "\n")
        draw_confusion(output / "confusion.png", found)

        def segment(image: NDArray[Any], name: str) -> Tensor:
            return segmenter(model.preprocessing(image), name)

        draw_worst(output / "worst.png", found.worst(worst), dataset, segment, quiet)
    return found


def _check_output(folder: Path) -> None:
    """See that pictures can be drawn and written, before the work that ends in them.

    :raises OptionError: when the folder can't be made or written to.
    :raises MissingExtraError: without Matplotlib.
    """
    from segzoo.pictures import dark_figure

    dark_figure(1, 1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"can't make the folder {folder}: {error.strerror or error}; give another one") from error
    check_writable(folder / FILE)
