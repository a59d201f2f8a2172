"""Which sizes a timm model takes and what maps come out, seen by running it on the meta device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

import segzoo
from segzoo_timm.extraction import Body, Layout, extract

COLOURS = 3
AMPLE = 256  # pixels: more than any architecture needs at least
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
POOLED = 3  # patches to a side, where an architecture pools them later
ODD_SIZES = ((97, 131), (259, 197))  # pixels, rounded up to odd numbers of a multiple


@dataclass(frozen=True)
class Maps:
    """What comes out of a model, for each entry of timm's `feature_info`, and the image sizes that it takes."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    input_spec: segzoo.InputSpec


@dataclass(frozen=True)
class Probe:
    """Forwards of a model on the meta device.

    :param layout: how the model is asked for its maps.
    """

    body: Body
    layout: Layout

    def shapes(self, height: int, width: int) -> list[torch.Size] | None:
        """Of all maps, or None where the architecture doesn't take that size."""
        image = torch.empty(1, COLOURS, height, width, device="meta")
        try:
            maps = extract(self.body, image, range(len(self.body.feature_info)), self.layout)
        except Exception:  # an architecture refuses a size in as many ways as it has layers
            return None
        shapes = [each.shape for each in maps]
        return shapes if all(min(shape) > 0 for shape in shapes) else None

    def takes(self, height: int, width: int, channels: Sequence[int]) -> bool:
        """Whether maps of those channels come out; reshaping tokens into a wrong grid gives others."""
        shapes = self.shapes(height, width)
        return shapes is not None and [shape[1] for shape in shapes] == list(channels)

    def grows_evenly(self, strides: Sequence[int], multiple: int) -> bool:
        """Whether one step more of the image is one step more of each map; some stretch a map to an even number."""
        step = math.lcm(*strides, multiple)
        height = 2 * step * math.ceil(AMPLE / (2 * step))
        shapes = self.shapes(height, height + step) or ()
        return [shape[-1] - shape[-2] for shape in shapes] == [step // stride for stride in strides]

    def maps_at_any_size(self) -> Maps | None:
        """Of an architecture that takes all multiples of some number; None for another.

        Strides are read off one rectangle whose width minus height is a multiple of each of them: whatever padding and
        rounding do at the borders then cancels.
        """
        patches = {info["reduction"] for info in self.body.feature_info}
        multiples = {*MULTIPLES, *patches, *(POOLED * patch for patch in patches)}
        step = math.lcm(*multiples)
        ample = step * math.ceil(AMPLE / step)
        shapes = self.shapes(ample, 2 * ample) or ()
        grown = [shape[-1] - shape[-2] for shape in shapes]
        if not shapes or not all(cells > 0 and ample % cells == 0 for cells in grown):
            return None
        channels, strides = tuple(shape[1] for shape in shapes), tuple(ample // cells for cells in grown)
        for multiple in sorted(multiples):
            sizes = [(_odd(height, multiple), _odd(width, multiple)) for height, width in ODD_SIZES]
            if all(self.takes(*size, channels) for size in sizes) and self.grows_evenly(strides, multiple):
                return Maps(channels, strides, segzoo.InputSpec(multiple, self.minimum(multiple, channels)))
        return None

    def maps_at(self, height: int, width: int) -> Maps | None:
        """Of an architecture that takes this size alone; None if it doesn't run at it either."""
        shapes = self.shapes(height, width)
        if not shapes:
            return None
        strides = tuple(
            _stride_of_grid(height, shape[-2], info["reduction"])
            for shape, info in zip(shapes, self.body.feature_info, strict=True)
        )
        return Maps(tuple(shape[1] for shape in shapes), strides, segzoo.InputSpec(fixed=(height, width)))

    def minimum(self, multiple: int, channels: Sequence[int]) -> int:
        """The smallest side that runs, in pixels before padding."""
        enough = 1
        while not self.takes(enough * multiple, enough * multiple, channels):
            enough *= 2
        too_few = enough // 2
        while enough - too_few > 1:
            middle = (enough + too_few) // 2
            if self.takes(middle * multiple, middle * multiple, channels):
                enough = middle
            else:
                too_few = middle
        return (enough - 1) * multiple + 1


def _stride_of_grid(side: int, cells: int, declared: int) -> int:
    """Pixels per cell: as declared where the grid confirms it to the cell, since 64 gives 4 cells of 224 pixels too."""
    return declared if abs(side / declared - cells) <= 1 else round(side / cells)


def _odd(length: int, multiple: int) -> int:
    units = math.ceil(length / multiple)
    return (units + 1 - units % 2) * multiple
