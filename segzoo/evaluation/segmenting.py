"""From an image to a class map in a dataset's own classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from segzoo.data.dataset import Dataset
from segzoo.errors import DataError, OptionError
from segzoo.evaluation.classes import match_classes
from segzoo.model import SegmentationModel
from segzoo.prediction.explaining import explained


class Segmenter:
    """What a model says of a dataset's images, at their own size, in tiles where they are large.

    :param head: of a model with several, which one the data is about.
    :param flips: whether each image is looked at mirrored as well; `scales`: at which sizes.
    :param tile: side of a tile in pixels; `margin`: context around what counts of it.
    :raises DataError: when channels or classes of the data aren't those of the model.
    :raises OptionError: for a head that the model hasn't, or scales that can't be.
    """

    def __init__(
        self,
        model: SegmentationModel,
        dataset: Dataset,
        *,
        head: str | None = None,
        flips: bool = False,
        scales: Sequence[float] = (1.0,),
        tile: int = 1024,
        margin: int | None = None,
    ) -> None:
        channels = model.plan.request.in_channels
        if channels != dataset.channels:
            raise DataError(
                f"the model takes images of {channels} channels, and those of {dataset.path} have {dataset.channels}; "
                "use a model that was made for them"
            )
        self.head, classes = _head(model, head)
        labels = model.labels.get(self.head)
        same = match_classes(labels.names if labels else (), dataset.labels.names, classes)
        self.same = torch.tensor(same)
        self.model = model
        self.flips = flips
        self.scales = scales
        self.tile = tile
        self.margin = margin

    def __call__(self, image: Tensor, name: str) -> Tensor:
        """The class of each pixel.

        :param image: normalised, (C, H, W) or (B, C, H, W).
        :param name: what errors call it.
        :returns: int64 (H, W) or (B, H, W), on the CPU.
        :raises InputError: for an image that the model can't take, or memory that is full.
        """
        with explained(name, f" at tile={self.tile}; take smaller tiles"):
            seen = self.model.predict(image, tile=self.tile, margin=self.margin, flips=self.flips, scales=self.scales)
        return self.same[seen[self.head] if isinstance(seen, dict) else seen]


def _head(model: SegmentationModel, head: str | None) -> tuple[str, int]:
    heads = model.head.classes.heads
    if head is None:
        if len(heads) > 1:
            raise OptionError(f"the model has the heads {', '.join(heads)}; say which one the data is about")
        head = next(iter(heads))
    if head not in heads:
        raise OptionError(f"the model has no head {head!r}; it has {', '.join(heads)}")
    return head, heads[head]
