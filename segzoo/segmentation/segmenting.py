"""A model asked about an image: which task, and by which limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch import Tensor

from segzoo.decoder import Task
from segzoo.errors import InputError, OptionError, PluginError
from segzoo.host import registry
from segzoo.modes import evaluating
from segzoo.segmentation.frame import Frame
from segzoo.segmentation.instance import find_instances
from segzoo.segmentation.panoptic import find_segments
from segzoo.segmentation.results import Instances, Panoptic
from segzoo.segmentation.semantic import find_classes, only

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel

Result = Tensor | Instances | Panoptic
THRESHOLDS = {"semantic": 0.0, "instance": 0.5, "panoptic": 0.8}


def segment(
    model: SegmentationModel,
    image: Tensor,
    task: Task = "semantic",
    *,
    threshold: float | None = None,
    overlap: float = 0.8,
    top: int = 100,
    things: Sequence[int] | None = None,
) -> Result | list[Result]:
    """What `model.segment` does."""
    things = _things(model, things)
    for name, share in (("threshold", threshold), ("overlap", overlap)):
        if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1):
            raise OptionError(f"{name} is a number from 0 to 1, got {share!r}")
    if type(top) is not int or top < 1:
        raise OptionError(f"top is a whole number from 1 on, got {top!r}")
    if not isinstance(image, Tensor) or image.ndim not in (3, 4):
        got = f"shape {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise InputError(
            f"expected a tensor (C, H, W) or (B, C, H, W), got {got}; model.preprocessing(picture) makes one"
        )
    check_task(model, task)
    if model.decoder.emits != "queries":
        classes = only(model.predict(image))
        return classes if image.ndim == 3 else list(classes)
    batch = image if image.ndim == 4 else image[None]
    limit = THRESHOLDS[task] if threshold is None else threshold
    frame = frame_of(model, batch)
    results: list[Result] = []
    with evaluating(model), torch.no_grad():
        queries = model.queries(batch.to(next(model.parameters()).device))
        for masks, scores in zip(queries.masks, queries.classes, strict=True):
            if task == "instance":
                results.append(find_instances(masks, scores, frame, threshold=limit, top=top, things=things))
            elif task == "panoptic":
                results.append(find_segments(masks, scores, frame, threshold=limit, overlap=overlap, things=things))
            else:
                results.append(find_classes(masks, scores, frame, model.head))
    return results if image.ndim == 4 else results[0]


def frame_of(model: SegmentationModel, image: Tensor) -> Frame:
    """How the masks of a model of queries lie on an image, (..., H, W)."""
    size = (image.shape[-2], image.shape[-1])
    return Frame(model.plan.input_spec.padded(size), size, model.head.align_corners)


def _things(model: SegmentationModel, things: Any) -> tuple[int, ...] | None:
    """The classes that have objects: what was given, or what is known of the model.

    :raises OptionError: for several heads, or numbers that aren't classes.
    """
    heads = model.head.classes.heads
    if len(heads) > 1:
        raise OptionError(
            f"the model has the heads {', '.join(heads)}, and segment answers for one; model.predict answers for each"
        )
    ((head, classes),) = heads.items()
    if things is None:
        labels = model.labels.get(head)
        return labels.things if labels else None
    try:
        numbers = tuple(things)
    except TypeError:
        numbers = (things,)
    if not all(type(each) is int and 0 <= each < classes for each in numbers):
        raise OptionError(f"things are numbers of classes, 0 to {classes - 1}, got {things!r}")
    return numbers


def check_task(model: SegmentationModel, task: str) -> None:
    """See that a model answers a task.

    :raises OptionError: if not, naming decoders that do.
    """
    if task not in get_args(Task):
        raise OptionError(f"a task is one of {', '.join(get_args(Task))}, got {task!r}")
    able = model.decoder.tasks if model.decoder.emits == "queries" else ("semantic",)
    if task not in able:
        others = ", ".join(_decoders_for(task)) or "none that is installed"
        raise OptionError(
            f"{model.plan.decoder.id} answers {' and '.join(able)} segmentation, and the task {task!r} needs a decoder "
            f"whose masks are objects: {others}"
        )


def _decoders_for(task: str) -> Iterator[str]:
    """Those that can answer it; imports all decoders."""
    for name in registry.list_decoders():
        try:
            decoder = registry.find_decoder(name).load()
        except PluginError:
            continue
        if getattr(decoder, "emits", None) == "queries" and task in decoder.tasks:  # a target may be anything
            yield name
