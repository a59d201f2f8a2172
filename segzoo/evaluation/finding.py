"""From an image to its objects and segments in a dataset's own classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from segzoo.data.dataset import Dataset
from segzoo.decoder import Task
from segzoo.errors import OptionError
from segzoo.evaluation.segmenting import Segmenter
from segzoo.model import SegmentationModel
from segzoo.modes import evaluating
from segzoo.prediction.explaining import explained
from segzoo.queries import Queries
from segzoo.segmentation import Instances, Panoptic, check_task, find_instances, find_segments, frame_of

OBJECTS: tuple[Task, ...] = ("instance", "panoptic")
"""The tasks that data needs objects for."""


def scored_tasks(model: SegmentationModel, dataset: Dataset, tasks: Sequence[str] | None = None) -> tuple[str, ...]:
    """The tasks that tell objects apart, and that model and data allow.

    :param tasks: those that are asked for; all if None.
    :raises OptionError: for one that the model doesn't answer, or that the data has no objects for.
    """
    heads = list(model.head.classes.heads)
    if tasks is None:
        can = model.decoder.emits == "queries" and dataset.has_instances and len(heads) == 1
        return tuple(task for task in OBJECTS if can and task in model.decoder.tasks)
    for task in tasks:
        check_task(model, task)
    asked = tuple(task for task in OBJECTS if task in tasks)
    if asked and not dataset.has_instances:
        raise OptionError(
            f"{dataset.path} tells no objects apart, which the task {asked[0]!r} is scored by: take data with a map of "
            "them beside each mask, or the task 'semantic' alone"
        )
    if asked and len(heads) > 1:
        raise OptionError(f"the task {asked[0]!r} is for a model with one head, and it has {', '.join(heads)}")
    return asked


class Finder:
    """What a model of queries finds in a dataset's images, each seen as a whole.

    :param segmenter: says which of the model's classes are which of the dataset's.
    """

    def __init__(self, model: SegmentationModel, dataset: Dataset, segmenter: Segmenter) -> None:
        self.model = model
        self.things = dataset.labels.things
        self.classes = dataset.classes
        ((_, classes),) = model.head.classes.heads.items()
        self.places = [*segmenter.same[-classes:].tolist(), dataset.classes]  # of a single class its presence

    def __call__(self, image: Tensor, name: str, tasks: Sequence[str]) -> tuple[Instances | None, Panoptic | None]:
        """All objects, however improbable, and the segments; None for what isn't among the tasks.

        :param image: normalised, (1, C, H, W).
        :param name: what errors call it.
        :raises InputError: for an image that the model can't take, or memory that is full.
        """
        parameter = next(self.model.parameters())
        frame = frame_of(self.model, image)
        with explained(name, "; the network sees it as a whole"), evaluating(self.model), torch.inference_mode():
            queries: Queries = self.model.queries(image.to(parameter.device, parameter.dtype))
            masks, classes = queries.masks[0], self._of_dataset(queries.classes[0])
            instances = panoptic = None
            if "instance" in tasks:
                instances = find_instances(masks, classes, frame, threshold=0.0, things=self.things)
            if "panoptic" in tasks:
                panoptic = find_segments(masks, classes, frame, things=self.things)
        return instances, panoptic

    def _of_dataset(self, classes: Tensor) -> Tensor:
        """Class logits (Q, classes + 1) in the dataset's order."""
        ordered = classes.new_full((classes.shape[0], self.classes + 1), -torch.inf)
        ordered[:, self.places] = classes
        return ordered
