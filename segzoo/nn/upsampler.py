"""Growing a map to a finer one's size: by interpolation, or by a layer that learns how."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping

from torch import nn

from segzoo.errors import OptionError
from segzoo.nn.carafe import CARAFE
from segzoo.nn.dysample import DySample
from segzoo.nn.resize import Mode
from segzoo.nn.sub_pixel import SubPixelConv2d
from segzoo.options import Interpolation, Upsample

INTERPOLATIONS: tuple[Mode, ...] = typing.get_args(Interpolation)
LEARNED: Mapping[Upsample, Callable[[int, int], nn.Module]] = {
    "transposed": lambda channels, factor: nn.ConvTranspose2d(channels, channels, factor, stride=factor),
    "pixelshuffle": SubPixelConv2d,
    "dysample": DySample,
    "carafe": CARAFE,
}
LARGEST_FACTOR = 8


def make_upsampler(kind: Upsample, channels: int, coarse: int, fine: int) -> nn.Module:
    """The layer that grows a map from one stride to another: (B, channels, h, w) to (B, channels, f h, f w).

    The factor f is the quotient of the strides. Sizes are rounded, so that the result may miss the finer map's by a
    pixel: a resize in `resize_mode(kind)` has to follow. Of an interpolation that resize is all, and the layer the
    identity; so it is where nothing grows.

    :param kind: an interpolation; "transposed" convolution whose kernels don't overlap; "pixelshuffle", see
        `SubPixelConv2d`; "dysample", see `DySample`; "carafe", see `CARAFE`.
    :param coarse: stride of the map; `fine` of the finer one.
    :raises OptionError: where a layer that learns can't grow a map by that factor.
    """
    if kind in INTERPOLATIONS or coarse <= fine:
        return nn.Identity()
    factor, rest = divmod(coarse, fine)
    if rest or not 2 <= factor <= LARGEST_FACTOR:
        raise OptionError(
            f"upsample={kind!r} grows a map by a whole number from 2 to {LARGEST_FACTOR}, and from stride {coarse} to "
            f"{fine} it is {coarse / fine:.3g}: take {', '.join(map(repr, INTERPOLATIONS[:-1]))} or "
            f"{INTERPOLATIONS[-1]!r}, or another encoder"
        )
    return LEARNED[kind](channels, factor)


def resize_mode(kind: Upsample) -> Mode:
    """How a map is resized after `make_upsampler`'s layer: by the interpolation itself, or bilinearly."""
    return kind if kind in INTERPOLATIONS else "bilinear"
