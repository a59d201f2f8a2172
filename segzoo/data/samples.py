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
from segzoo.errors import DataError, DataWarning
from segzoo.labels import IGNORE
from segzoo.preprocessing import Preprocessing

Transform = Callable[[Any, Any], tuple[Any, Any]]
"""Takes an image (C, H, W), uint8 or float32, and a mask int64 (H, W), torchvision's `tv_tensors`, and returns both."""
Broken = Literal["raise", "skip"]
BLANK = 32
"""The side of a sample that stands for one that can't be read; batches pad it."""


class Samples(torch_data.Dataset[tuple[Tensor, Tensor]]):
    """Some samples of a dataset: image float32 (C, H, W), normalised, and mask int64 (H, W).

    :param names: which samples, in order.
    :param preprocessing: what the model takes; `model.preprocessing`.
    :param transform: changes image and mask before that, such as a `segzoo.data.Augmentation`. It may use the random
        numbers of torch, numpy and Python: they are seeded for each sample, and put back afterwards.
    :param broken: what to do about a sample that can't be used. `"skip"` warns, and gives one whose pixels are all
        ignored in its place, which neither loss nor scores count.
    """

    def __init__(
        self,
        dataset: Dataset,
        names: Sequence[str],
        preprocessing: Preprocessing,
        transform: Transform | None = None,
        *,
        broken: Broken = "raise",
    ) -> None:
        self.dataset = dataset
        self.names = list(names)
        self.preprocessing = preprocessing
        self.transform = transform
        self.broken = broken

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, draw: int | Draw) -> tuple[Tensor, Tensor]:
        """One sample.

        :param draw: its number among the names, or that with a seed; without a number a blank.
        :raises DataError: when it can't be used and `broken` is `"raise"`.
        """
        number, seed = draw if isinstance(draw, Draw) else (draw, draw)
        if number is None:
            return self._blank()
        try:
            return self._tensors(self.dataset.read(self.names[number]), seed)
        except DataError as error:
            if self.broken == "raise":
                raise
            warnings.warn(f"skipped: {error}", DataWarning, stacklevel=2)
            return self._blank()

    def is_blank(self, image: Tensor, mask: Tensor) -> bool:
        """Whether a sample, or a batch of one, stands for one that can't be read."""
        return mask.shape[-2:] == (BLANK, BLANK) and not bool(image.any()) and bool((mask == IGNORE).all())

    def _tensors(self, sample: Sample, seed: int) -> tuple[Tensor, Tensor]:
        check(sample, self.dataset)
        if self.transform is None:
            return self.preprocessing(sample.image), torch.from_numpy(np.ascontiguousarray(sample.mask))
        image = tv_tensors.Image(torch.from_numpy(_channels_first(sample.image, self.preprocessing.scaled)))
        mask = tv_tensors.Mask(torch.from_numpy(np.ascontiguousarray(sample.mask)))
        with seeded(seed):
            image, mask = self.transform(image, mask)
        picture = np.asarray(image).transpose(1, 2, 0)
        return self.preprocessing(picture), torch.as_tensor(np.asarray(mask), dtype=torch.int64)

    def _blank(self) -> tuple[Tensor, Tensor]:
        image = torch.zeros(self.dataset.channels, BLANK, BLANK)
        return image, torch.full((BLANK, BLANK), IGNORE, dtype=torch.int64)


def check(sample: Sample, dataset: Dataset) -> None:
    """See that image and mask belong together, and the mask to the dataset's classes.

    :raises DataError: when they don't, naming the sample.
    """
    if sample.image.ndim != 3 or sample.image.shape[2] != dataset.channels:
        raise DataError(
            f"{sample.name}: expected an image (height, width, {dataset.channels} channels) as the others have, got "
            f"shape {sample.image.shape}; convert it, or leave it out"
        )
    if sample.mask.shape != sample.image.shape[:2]:
        raise DataError(
            f"{sample.name}: the image has {_size(sample.image)} pixels and its mask {_size(sample.mask)}; expected "
            "one size"
        )
    known = sample.mask[sample.mask != IGNORE]
    if known.size and not (known.min() >= 0 and known.max() < dataset.classes):
        odd = sorted({int(each) for each in np.unique(known) if not 0 <= each < dataset.classes})
        raise DataError(
            f"{sample.name}: its mask has the values {odd}, and there are {dataset.classes} classes, 0 to "
            f"{dataset.classes - 1}; list more classes, or say which values to ignore"
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers of torch, numpy and Python from this seed on, and as they were afterwards."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def _channels_first(image: NDArray[Any], scaled: bool) -> NDArray[Any]:
    """(C, H, W), uint8 as it is, and all else float32, from 0 to 1 where the preprocessing scales."""
    turned = np.ascontiguousarray(image.transpose(2, 0, 1))
    if turned.dtype == np.uint8:
        return turned
    values = turned.astype(np.float32)
    return values / np.iinfo(turned.dtype).max if scaled and turned.dtype.kind in "ui" else values


def _size(array: NDArray[Any]) -> str:
    return f"{array.shape[0]}x{array.shape[1]}"
