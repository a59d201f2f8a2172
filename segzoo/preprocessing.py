"""What an image looks like to an encoder: value range, mean and standard deviation of each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segzoo.errors import InputError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """Turns a picture into the normalised tensor that the model takes.

    :param mean: of each channel, for values from 0 to 1.
    :param std: of each channel, likewise.
    """

    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def for_channels(self, channels: int) -> Preprocessing:
        """The same for another number of channels: the colours' average for one, repeated in turn for more."""
        if channels == len(self.mean):
            return self
        if channels == 1:
            return Preprocessing((sum(self.mean) / len(self.mean),), (sum(self.std) / len(self.std),))
        turns = range(channels)
        return Preprocessing(
            tuple(self.mean[i % len(self.mean)] for i in turns), tuple(self.std[i % len(self.std)] for i in turns)
        )

    def __call__(self, picture: Any) -> Tensor:
        """Normalise a picture.

        :param picture: a PIL image or an array (H, W) or (H, W, C), 8 or 16 bits an entry (0 to the type's largest
            value) or floats from 0 to 1.
        :returns: float32 tensor (C, H, W).
        :raises InputError: for another shape or number of channels.
        """
        array = np.asarray(picture)
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim != 3 or array.shape[2] != len(self.mean):
            raise InputError(
                f"expected a picture of {len(self.mean)} channels, (height, width, channels), got shape {array.shape}; "
                "convert it first, for instance with PIL's image.convert('RGB')"
            )
        largest = np.iinfo(array.dtype).max if np.issubdtype(array.dtype, np.integer) else 1
        values = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32)) / largest
        return (values - torch.tensor(self.mean)[:, None, None]) / torch.tensor(self.std)[:, None, None]
