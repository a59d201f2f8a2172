"""Other light on an image: what a camera, an hour or a season change, as one matrix and one offset for all pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.125, 0.5, 0.5, 0.05
"""How far each is changed at most, each with a chance of one half: as `torchvision`'s `RandomPhotometricDistort`."""
GAIN, OFFSET = 0.2, 0.1
"""The same for bands other than colours: of each band, and of what all have in common, in standard deviations."""
GREY = (0.299, 0.587, 0.114)
EVERY = 4
"""Of the pixels that a band's mean and deviation are taken of."""


def change_light(image: Tensor) -> Tensor:
    """Other brightness and contrast; of 8-bit colours also hue and saturation, of other bands each by itself.

    :param image: (C, H, W), uint8 or float32.
    :returns: the same type and shape.
    """
    values = image.as_subclass(Tensor).float()
    some = values[:, ::EVERY, ::EVERY].flatten(1)
    if len(values) == 3 and image.dtype == torch.uint8:
        brightness, contrast, saturation = (1 + _perhaps(most) for most in (BRIGHTNESS, CONTRAST, SATURATION))
        matrix, offset = colour_change(some.mean(1), brightness, contrast, saturation, _perhaps(HUE))
        changed = torch.addmm(offset[:, None], matrix, values.flatten(1)).view_as(values)
    else:
        gain = 1 + GAIN * (_even(len(values)) + _even(1))
        offset = some.mean(1) * (1 - gain) + OFFSET * _even(1) * some.std(1, correction=0)
        changed = torch.addcmul(offset[:, None, None], gain[:, None, None], values)
    return changed if image.dtype.is_floating_point else changed.round_().clamp_(0, 255).to(image.dtype)


def colour_change(
    mean: Tensor, brightness: float = 1, contrast: float = 1, saturation: float = 1, hue: float = 0
) -> tuple[Tensor, Tensor]:
    """Brightness, then saturation, hue, and contrast, as one change of red, green and blue.

    :param mean: of each colour over the image, (3,): contrast is about its grey.
    :param hue: how far colours go round, as a share of the circle.
    :returns: matrix (3, 3) and offset (3,): `matrix @ colour + offset` is the other colour.
    """
    grey = torch.tensor(GREY)
    saturate = saturation * torch.eye(3) + (1 - saturation) * grey.expand(3, 3)
    side = math.tau * hue / math.sqrt(3)
    turn = torch.linalg.matrix_exp(torch.tensor(((0, -side, side), (side, 0, -side), (-side, side, 0))))
    matrix = brightness * (turn @ saturate)
    return contrast * matrix, ((1 - contrast) * (grey @ matrix @ mean)).expand(3)


def _even(count: int) -> Tensor:
    """Random numbers from -1 to 1."""
    return 2 * torch.rand(count) - 1


def _perhaps(most: float) -> float:
    """Nothing, or a random number from `-most` to `most`."""
    change = most * _even(1).item()
    return change if torch.rand(()) < 0.5 else 0.0
