"""Samples as tensors, for a model that learns from them or is held against them."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import data as torch_data
from torchvision import tv_tensors

from segzoo.data.dataset import Dataset
from segzoo.data.order import Draw
from segzoo.data.sample import Sample
from segzoo.data.target import CROWD, classes_of, counted_target, empty_target, panoptic_target, semantic_target
from segzoo.errors import DataError, DataWarning, OptionError
from segzoo.labels import IGNORE
from segzoo.preprocessing import Preprocessing

Transform = Callable[[Any, Any], tuple[Any, Any]]
"""Takes an image (C, H, W), uint8 or float32, and a mask int64 (H, W), torchvision's `tv_tensors`, and returns both.
With instances the mask is (2, H, W): a border that is added is `IGNORE` in the first map, and 0 in the second."""
Broken = Literal["raise", "skip"]
BLANK = 32
"""The side of a sample that stands for one that can't be read; batches pad it."""


class Samples(torch_data.Dataset[tuple[Tensor, Tensor]]):
    """Some samples of a dataset: image float32 (C, H, W), normalised, and mask int64 (H, W).

    With instances the mask is int64 (2, H, W): the class of each pixel, and the number of the object that it belongs
    to, 0 where to none. Each pair of the two is a segment to learn; crowds have no class.

    :param names: which samples, in order.
    :param preprocessing: what the model takes; `model.preprocessing`.
    :param transform: changes image and mask before that, such as a `segzoo.data.Augmentation`; it gets copies. It may
        use the random numbers of torch, numpy and Python: a `Draw` seeds them, and they are put back afterwards.
    :param broken: what to do about a sample that can't be used. `"skip"` warns, and gives one whose pixels are all
        ignored in its place, which neither loss nor scores count.
    :param instances: whether objects are told apart.
    :param crowds: whether crowds keep their class, and have the number -1: for scores rather than for learning.
    :raises DataError: when the preprocessing is for another number of channels, or the dataset tells no objects apart.
    """

    def __init__(
        self,
        dataset: Dataset,
        names: Sequence[str],
        preprocessing: Preprocessing,
        transform: Transform | None = None,
        *,
        broken: Broken = "raise",
        instances: bool = False,
        crowds: bool = False,
    ) -> None:
        if len(preprocessing.mean) != dataset.channels:
            raise DataError(
                f"the images of {dataset.path} have {dataset.channels} channels and the model takes "
                f"{len(preprocessing.mean)}; take a model with in_channels={dataset.channels}"
            )
        if instances and not dataset.has_instances:
            raise DataError(
                f"{dataset.path} tells no objects apart: take data that has a map of them beside each mask, or learn "
                "classes alone"
            )
        self.dataset = dataset
        self.names = list(names)
        self.preprocessing = preprocessing
        self.transform = transform
        self.broken = broken
        self.instances = instances
        self.crowds = crowds

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, draw: int | Draw) -> tuple[Tensor, Tensor]:
        """One sample.

        :param draw: its number among the names, or that with a seed; without a number a blank.
        :raises DataError: when it can't be used and `broken` is `"raise"`.
        :raises OptionError: when what the transform returns isn't an image and its mask.
        """
        number, seed = draw if isinstance(draw, Draw) else Draw(draw)
        if number is None:
            return self._blank(seed)
        try:
            sample = self.dataset.read(self.names[number])
            check(sample, self.dataset)
            return self._tensors(sample, seed)
        except DataError as error:
            if self.broken == "raise":
                raise
            warnings.warn(f"skipped: {error}", DataWarning, stacklevel=2)
            return self._blank(seed)

    def is_blank(self, image: Tensor, mask: Tensor) -> bool:
        """Whether a sample, or a batch of one, stands for one that can't be read."""
        classes = mask.select(-3, 0) if self.instances else mask
        return mask.shape[-2:] == (BLANK, BLANK) and not bool(image.any()) and bool((classes == IGNORE).all())

    def _tensors(self, sample: Sample, seed: int | None) -> tuple[Tensor, Tensor]:
        image = sample.image
        mask = self._target(sample)
        if self.preprocessing.scaled and image.dtype.kind in "ui" and image.dtype.itemsize > 2:
            raise DataError(
                f"{sample.name}: its values are {image.dtype}; expected integers of 8 or 16 bits, or floats from 0 to 1"
            )
        if self.transform is not None:
            changed = torch.from_numpy(_channels_first(image, self.preprocessing.scaled))
            changed, mask = self._transformed(changed, mask, seed, sample.name)
            image = changed.numpy().transpose(1, 2, 0)
        return self.preprocessing(image), mask

    def _target(self, sample: Sample) -> Tensor:
        if not self.instances:
            return semantic_target(sample)
        return (counted_target if self.crowds else panoptic_target)(sample, self.dataset.labels)

    def _transformed(self, image: Tensor, mask: Tensor, seed: int | None, name: str) -> tuple[Tensor, Tensor]:
        assert self.transform is not None
        with seeded(seed):
            returned = self.transform(tv_tensors.Image(image), tv_tensors.Mask(mask))
        try:
            changed, labels = (torch.as_tensor(each).as_subclass(Tensor) for each in returned)
        except (TypeError, ValueError) as error:
            raise OptionError(f"expected the transform to return an image and a mask, got {returned!r:.100}") from error
        fits = changed.ndim == 3 and len(changed) == len(image) and labels.shape == mask.shape[:-2] + changed.shape[1:]
        if not fits or labels.is_floating_point():
            raise OptionError(
                f"{name}: the transform returned an image of shape {tuple(changed.shape)} and a mask of shape "
                f"{tuple(labels.shape)}, {labels.dtype}; expected ({len(image)}, height, width), and whole numbers "
                f"({'2, ' if self.instances else ''}height, width)"
            )
        labels = labels.long()
        if odd := strange_values(classes_of(labels).numpy(), self.dataset.classes):
            raise OptionError(
                f"{name}: the transform returned a mask with the values {odd}; expected classes from 0 to "
                f"{self.dataset.classes - 1}, and {IGNORE} where there is none"
            )
        if self.instances and bool((labels[1] < (CROWD if self.crowds else 0)).any()):
            raise OptionError(
                f"{name}: the transform returned a map of objects with the number {int(labels[1].min())}; expected 0 "
                "where there is none, at a border that it adds too"
            )
        return changed, labels

    def _blank(self, seed: int | None) -> tuple[Tensor, Tensor]:
        """A normalised image's mean, and nothing to learn from it; of the size that the transform makes of it."""
        image = torch.zeros(self.dataset.channels, BLANK, BLANK)
        mask = empty_target((BLANK, BLANK), self.instances)
        return (image, mask) if self.transform is None else self._transformed(image, mask, seed, "a blank")


def check(sample: Sample, dataset: Dataset) -> None:
    """See that image and mask belong together, and the mask to the dataset's classes.

    :raises DataError: when they don't, naming the sample.
    """
    image, mask = sample.image, sample.mask
    if image.ndim != 3 or image.shape[2] != dataset.channels or not image.size:
        raise DataError(
            f"{sample.name}: expected an image (height, width, {dataset.channels} channels) as the others have, got "
            f"shape {image.shape}; convert it, or leave it out"
        )
    if mask.shape != image.shape[:2]:
        raise DataError(
            f"{sample.name}: the image has {_size(image)} pixels and its mask {_size(mask)}; expected one size"
        )
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise DataError(
            f"{sample.name}: {np.count_nonzero(~np.isfinite(image))} of its values are infinite or no numbers; write "
            "others there, and a value to ignore into the mask"
        )
    if odd := strange_values(mask, dataset.classes):
        raise DataError(
            f"{sample.name}: its mask has the values {odd}, and there are {dataset.classes} classes, 0 to "
            f"{dataset.classes - 1}; list more classes, or say which values to ignore"
        )
    if dataset.has_instances:
        _check_instances(sample)


def _check_instances(sample: Sample) -> None:
    objects = sample.instances
    if objects is None:
        raise DataError(f"{sample.name}: it has no map of objects, as the others have; add one, or leave it out")
    if objects.shape != sample.mask.shape:
        raise DataError(
            f"{sample.name}: its mask has {_size(sample.mask)} pixels and its map of objects "
            f"{'x'.join(map(str, objects.shape))}; expected one size, draw it anew"
        )
    if objects.dtype.kind not in "ui" or (objects.size and objects.min() < 0):
        raise DataError(
            f"{sample.name}: its map of objects has {objects.dtype} values from {objects.min()} on; expected whole "
            "numbers, 0 where there is no object"
        )
    if not all(type(crowd) is int and crowd > 0 for crowd in sample.crowds):
        raise DataError(f"{sample.name}: crowds are numbers of objects, from 1 on, got {sample.crowds!r}")


def strange_values(mask: NDArray[Any], classes: int) -> list[int]:
    """The values of a mask, in order, that are neither a class nor `IGNORE`."""
    known = (mask >= 0) & (mask < classes) | (mask == IGNORE)
    return [] if known.all() else np.unique(mask[~known]).tolist()


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Random numbers of torch (on the CPU), numpy and Python from this seed on, and as they were afterwards.

    :param seed: None changes nothing.
    """
    if seed is None:
        yield
        return
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.default_generator.manual_seed(seed)  # not torch.manual_seed, which seeds each GPU too
    np.random.seed(seed % 2**32)
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before[0])
        np.random.set_state(before[1])
        random.setstate(before[2])


def _channels_first(image: NDArray[Any], scaled: bool) -> NDArray[Any]:
    """A copy (C, H, W): uint8 as it is, and all else float32, from 0 to 1 where the preprocessing scales."""
    kind = np.uint8 if image.dtype == np.uint8 else np.float32
    turned = np.array(image.transpose(2, 0, 1), kind, order="C")
    if scaled and kind is np.float32 and image.dtype.kind in "ui":
        return turned / np.float32(np.iinfo(image.dtype).max)
    return turned


def _size(array: NDArray[Any]) -> str:
    return f"{array.shape[0]}x{array.shape[1]}"
