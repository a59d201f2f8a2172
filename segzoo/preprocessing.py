"""What an image looks like to an encoder: value range, mean and standard deviation of each channel.

This file imports no torch before a picture comes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from segzoo.errors import InputError, OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """Turns a picture into the normalised tensor that the model takes.

    Raw satellite bands often have statistics in digital numbers, which `scaled=False` is for::

        segzoo.Preprocessing(mean=(1353.7, 1117.2, 1041.9), std=(245.7, 333.0, 395.1), scaled=False)

    :param mean: of each channel.
    :param std: of each channel.
    :param scaled: whether mean and standard deviation are of values from 0 to 1, to which a picture's integers are
        scaled first. If False they are of the picture's values as they are.
    :raises OptionError: without a mean and a standard deviation above 0 for each channel, or for a mean that values
        from 0 to 1 can't have.
    """

    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    scaled: bool = True

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            object.__setattr__(self, name, _numbers(name, getattr(self, name)))
        if not self.mean or len(self.mean) != len(self.std) or min(self.std) <= 0:
            raise OptionError(f"each channel has a mean and a std above 0, got mean={self.mean} and std={self.std}")
        if self.scaled and max(map(abs, self.mean)) > 1:
            raise OptionError(
                f"values from 0 to 1 can't have mean={self.mean}; for statistics of a picture's values as they are, "
                "such as digital numbers, give scaled=False, or divide mean and std by the largest value"
            )

    def for_channels(self, channels: int) -> Preprocessing:
        """The same for another number of channels: the colours' average for one, repeated in turn for more."""
        if channels == len(self.mean):
            return self
        if channels == 1:
            return replace(self, mean=(sum(self.mean) / len(self.mean),), std=(sum(self.std) / len(self.std),))
        turns = [i % len(self.mean) for i in range(channels)]
        return replace(self, mean=tuple(self.mean[i] for i in turns), std=tuple(self.std[i] for i in turns))

    def __call__(self, picture: Any) -> Tensor:
        """Normalise a picture: what `normalise` does, as a tensor."""
        import torch

        return torch.from_numpy(self.normalise(picture))

    def normalise(self, picture: Any) -> NDArray[np.float32]:
        """Normalise a picture without torch.

        :param picture: a PIL image or an array (H, W) or (H, W, C). Integers have 8 or 16 bits and are divided by their
            type's largest value; floats are from 0 to 1. With `scaled=False` any numbers are taken as they are.
        :returns: float32 (C, H, W).
        :raises InputError: for what is no picture, another number of channels, or integers of more than 16 bits.
        """
        import numpy as np

        if isinstance(picture, str | bytes | PathLike):
            raise InputError(
                f"expected a picture, got the path {picture!r}; open it first: PIL.Image.open(path).convert('RGB')"
            )
        try:
            array = np.asarray(picture)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"expected a picture, a PIL image or an array of numbers: {error}") from error
        if array.dtype.kind not in "buif":
            raise InputError(f"expected a picture, a PIL image or an array of numbers, got {type(picture).__name__}")
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim != 3 or array.shape[2] != len(self.mean):
            raise InputError(
                f"expected a picture of {len(self.mean)} channels, (height, width, channels), got shape {array.shape}; "
                "convert it first, for instance with PIL's image.convert('RGB')"
            )
        values = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32)
        if self.scaled and array.dtype.kind in "ui":
            if array.dtype.itemsize > 2:
                raise InputError(
                    f"expected integers of 8 or 16 bits, got {array.dtype}; convert it to the type that its values "
                    "fill, such as picture.astype('uint8')"
                )
            values = values / np.float32(np.iinfo(array.dtype).max)
        mean, std = (np.array(each, np.float32)[:, None, None] for each in (self.mean, self.std))
        return (values - mean) / std


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)):
        raise OptionError(f"{name} is a list of numbers, one for each channel, got {values!r}")
    return numbers
