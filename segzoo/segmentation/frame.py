"""Masks at the image's size, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from segzoo.nn.resize import resize

ELEMENTS = 2**22
"""Of one strip of all masks: 16 MB."""


@dataclass(frozen=True)
class Frame:
    """How masks lie on an image: they cover it as it was padded at the right and the bottom.

    :param padded: height and width of what they cover.
    :param size: of the image.
    :param align_corners: as the model's head resizes.
    """

    padded: tuple[int, int]
    size: tuple[int, int]
    align_corners: bool = False

    @property
    def on_its_side(self) -> Frame:
        """Rows for columns."""
        return replace(self, padded=self.padded[::-1], size=self.size[::-1])

    def strips(self, masks: Tensor, elements: int = ELEMENTS) -> Iterator[tuple[slice, Tensor]]:
        """Resize masks to the image, strip by strip from the top. Where the strips are cut doesn't change a value.

        :param masks: logits (Q, h, w).
        :param elements: that a strip may have; one row is the least.
        :returns: the rows, and the masks there, float32 (Q, rows, W); nothing where there are no masks.
        """
        height, width = self.size
        above, below, weight = self._rows(masks)
        if not masks.shape[0]:
            return
        step = max(1, elements // (masks.shape[0] * self.padded[1]))
        for top in range(0, height, step):
            rows = slice(top, min(top + step, height))
            # Rows first, which are then still short; the columns of each row know nothing of the others.
            share = weight[rows, None]
            strip = masks[:, above[rows]].float() * (1 - share) + masks[:, below[rows]].float() * share
            wide = (strip.shape[1], self.padded[1])
            yield rows, resize(strip[None], wide, align_corners=self.align_corners)[0, ..., :width]

    def _rows(self, masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For each row of the image the two of the mask that it lies between, and how near it is to the second.

        In float32, as torch has it.
        """
        h, (height, _) = masks.shape[-2], self.padded
        place = torch.arange(self.size[0], device=masks.device, dtype=torch.float32)
        if self.align_corners:
            place = place * ((h - 1) / max(1, height - 1))
        else:
            place = ((place + 0.5) * (h / height) - 0.5).clamp_min(0)
        above = place.long().clamp_max(h - 1)
        return above, (above + 1).clamp_max(h - 1), place - above
