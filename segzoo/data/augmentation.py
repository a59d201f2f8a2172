"""Changes of image and mask that make more of few samples, by torchvision's transforms."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from segzoo.data.light import change_light
from segzoo.data.target import classes_of, empty_target
from segzoo.errors import OptionError
from segzoo.labels import IGNORE

LARGEST_SHARE = 0.75
TRIES = 10
"""A crop that one class fills to more than that share is drawn again, so often at most: as mmsegmentation does."""
THINNED = 64
"""Pixels in a row, and rows, that are enough to tell shares and means by."""


class Augmentation:
    """Scale, crop, flip, and change the light: what nearly every segmenter is trained with.

    >>> augment = Augmentation(crop=(64, 96))
    >>> image, mask = torch.zeros(3, 80, 80, dtype=torch.uint8), torch.zeros(80, 80, dtype=torch.int64)
    >>> [tuple(each.shape) for each in augment(tv_tensors.Image(image), tv_tensors.Mask(mask))]
    [(3, 64, 96), (64, 96)]

    :param crop: height and width of what is returned; None keeps the size, and doesn't scale either.
    :param scale: the image's size is multiplied by a factor from this range, drawn evenly in its logarithm.
    :param flip: how likely the image is mirrored, left to right.
    :param vertical: how likely it is mirrored top to bottom, as suits images from above.
    :param photometric: whether brightness, contrast and, of 8-bit colours, hue and saturation change.
    :raises OptionError: for a crop below one pixel, a range that is none, or a probability that is none.
    """

    def __init__(
        self,
        crop: tuple[int, int] | None = None,
        *,
        scale: tuple[float, float] = (0.5, 2.0),
        flip: float = 0.5,
        vertical: float = 0.0,
        photometric: bool = True,
    ) -> None:
        if crop is not None and min(crop) < 1:
            raise OptionError(f"expected a crop of one pixel a side or more, got {crop}")
        if not 0 < scale[0] <= scale[1]:
            raise OptionError(f"expected a scale range such as (0.5, 2.0), got {scale}")
        if not (0 <= flip <= 1 and 0 <= vertical <= 1):
            raise OptionError(f"expected probabilities from 0 to 1, got {flip=}, {vertical=}")
        self.crop = crop
        self.scale = scale
        self.flips = v2.Compose([v2.RandomHorizontalFlip(flip), v2.RandomVerticalFlip(vertical)])
        self.photometric = photometric

    def __call__(self, image: tv_tensors.Image, mask: tv_tensors.Mask) -> tuple[Any, Any]:
        """Change both alike.

        :param image: (C, H, W), uint8 or float32.
        :param mask: int64 (H, W), or (2, H, W) with a second map, of objects. It is never interpolated. Where the
            image was padded it is `IGNORE`, and the second map 0.
        """
        if self.crop is not None:
            image, mask = self._scale_and_crop(image, mask, self.crop)
        image, mask = self.flips(image, mask)
        return (tv_tensors.wrap(change_light(image), like=image), mask) if self.photometric else (image, mask)

    def _scale_and_crop(
        self, image: tv_tensors.Image, mask: tv_tensors.Mask, crop: tuple[int, int]
    ) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
        """Cut the window that becomes the crop, then resize it: the rest of the image need not be resized."""
        low, high = self.scale
        factor = low * (high / low) ** torch.rand(()).item()
        sides = mask.shape[-2:]
        window = [min(side, max(1, round(wanted / factor))) for side, wanted in zip(sides, crop, strict=True)]
        size = [
            wanted if cut < side else min(wanted, max(1, round(side * factor)))
            for side, cut, wanted in zip(sides, window, crop, strict=True)
        ]
        top, left = self._place(classes_of(mask), window)
        image = F.resize(F.crop(image, top, left, *window), size, antialias=factor < 1)
        rows, columns = (nearest(*sides) for sides in zip(window, size, strict=True))
        mask = tv_tensors.wrap(mask[..., top + rows, :][..., left + columns], like=mask)
        missing = [wanted - side for wanted, side in zip(crop, size, strict=True)]
        if any(missing):
            top, left = (int(torch.randint(each + 1, ())) for each in missing)
            padding = [left, top, missing[1] - left, missing[0] - top]
            image = F.pad(image, padding, fill=_means(image).tolist())
            padded = empty_target(crop, panoptic=mask.ndim == 3)
            padded[..., top : top + size[0], left : left + size[1]] = mask
            mask = tv_tensors.wrap(padded, like=mask)
        return image, mask

    @staticmethod
    def _place(mask: Tensor, window: list[int]) -> tuple[int, int]:
        """Where the window is cut: anywhere, but not where one class fills nearly all of it, if that can be helped."""
        top = left = 0
        for _ in range(TRIES):
            top, left = (
                int(torch.randint(side - wanted + 1, ())) for side, wanted in zip(mask.shape, window, strict=True)
            )
            cut = _thinned(mask[top : top + window[0], left : left + window[1]])
            counts = torch.bincount(cut[cut != IGNORE])
            if len(counts) and counts.max() < LARGEST_SHARE * counts.sum():
                break
        return top, left


def nearest(before: int, after: int) -> Tensor:
    """Which of so many pixels in a row each of so many others takes: the one that its middle lies in."""
    return ((torch.arange(after) + 0.5) * (before / after)).long()


def _thinned(plane: Tensor) -> Tensor:
    """Some of its pixels, evenly spread: enough for shares and means."""
    height, width = plane.shape[-2:]
    return plane[..., :: max(1, height // THINNED), :: max(1, width // THINNED)].flatten(-2)


def _means(image: Tensor) -> Tensor:
    return _thinned(image).float().mean(-1)
