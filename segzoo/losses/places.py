"""Where predicted masks are held against true ones: at some points (PointRend, arXiv:1912.08193), or at every pixel.

N     segments
Q     predicted masks
P     places
h, w  size of the predicted masks
H, W  size of the true ones
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from segzoo.queries import Segments


class Held(NamedTuple):
    """Predicted and true masks at the same places.

    :ivar logits: (Q, P), of a matching, or (N, P).
    :ivar targets: (N, P), 0 to 1.
    :ivar counted: (N or 1, P), 1 where a place counts and 0 where it is ignored.
    """

    logits: Tensor
    targets: Tensor
    counted: Tensor


@dataclass(frozen=True)
class Truth:
    """What is true of one image, and the part of the world that masks predicted for it cover.

    :param covered: height and width, in pixels, of the image as it was padded at the right and the bottom.
    """

    segments: Segments
    covered: tuple[int, int]

    def at(self, masks: Tensor, places: Tensor) -> Tensor:
        """True masks at some places, 0 to 1.

        :param masks: bool (N, H, W), of the segments.
        :param places: (N or 1, P, 2): x and y as fractions of what is covered.
        :returns: (N, P).
        """
        height, width = self.segments.ignored.shape
        stretch = places.new_tensor([self.covered[1] / width, self.covered[0] / height])
        return sample(masks.to(places.dtype), places * stretch)

    def counted(self, places: Tensor) -> Tensor:
        """1 at places that count, and 0 at others: (N, P, 2) to (N, P)."""
        height, width = self.segments.ignored.shape
        x, y = (places * places.new_tensor([self.covered[1], self.covered[0]])).long().unbind(-1)
        inside = (x < width) & (y < height)
        counted = inside & ~self.segments.ignored[y.clamp_max(height - 1), x.clamp_max(width - 1)]
        return counted.to(places.dtype)


class Places(Protocol):
    """How masks are held against each other."""

    def to_match(self, masks: Tensor, truth: Truth) -> Held:
        """All predicted masks (Q, h, w), and all true ones, at the same places."""

    def to_learn(self, masks: Tensor, chosen: Tensor, truth: Truth) -> Held:
        """Predicted masks (N, h, w), and the true ones that were chosen for them by number, (N,)."""


@dataclass(frozen=True)
class Points:
    """At random points; where masks learn, most of them are where the prediction is least certain.

    :param count: P.
    :param oversample: how many times as many are drawn to choose from.
    :param important: the share of them that is chosen by uncertainty, rather than drawn evenly.
    """

    count: int
    oversample: float
    important: float

    def to_match(self, masks: Tensor, truth: Truth) -> Held:
        places = torch.rand(1, self.count, 2, device=masks.device)
        return Held(sample(masks, places), truth.at(truth.segments.masks, places), truth.counted(places))

    def to_learn(self, masks: Tensor, chosen: Tensor, truth: Truth) -> Held:
        with torch.no_grad():
            places = self._uncertain(masks, truth)
        return Held(sample(masks, places), truth.at(truth.segments.masks[chosen], places), truth.counted(places))

    def _uncertain(self, masks: Tensor, truth: Truth) -> Tensor:
        """(N, P, 2)."""
        important = int(self.important * self.count)
        drawn = torch.rand(masks.shape[0], int(self.count * self.oversample), 2, device=masks.device)
        certainty = sample(masks, drawn).abs().masked_fill(truth.counted(drawn) == 0, torch.inf)
        chosen = certainty.topk(important, dim=1, largest=False).indices
        evenly = torch.rand(masks.shape[0], self.count - important, 2, device=masks.device)
        return torch.cat([drawn.gather(1, chosen[..., None].expand(-1, -1, 2)), evenly], dim=1)


@dataclass(frozen=True)
class Pixels:
    """At every pixel of the image; to match, at every cell of the predicted masks."""

    def to_match(self, masks: Tensor, truth: Truth) -> Held:
        size = masks.shape[-2:]
        true = F.interpolate(_padded(truth.segments.masks, truth, 0.0), size)
        ignored = F.interpolate(_padded(truth.segments.ignored[None], truth, 1.0), size)
        return Held(masks.flatten(1), true[:, 0].flatten(1), 1 - ignored[:, 0].flatten(1))

    def to_learn(self, masks: Tensor, chosen: Tensor, truth: Truth) -> Held:
        height, width = truth.segments.ignored.shape
        resized = F.interpolate(masks[:, None], truth.covered, mode="bilinear")[:, 0, :height, :width]
        counted = ~truth.segments.ignored[None]
        true = truth.segments.masks[chosen]
        return Held(resized.flatten(1), true.flatten(1).to(masks.dtype), counted.flatten(1).to(masks.dtype))


def sample(maps: Tensor, places: Tensor) -> Tensor:
    """Values of maps, bilinear between the centres of their pixels, 0 beyond the border.

    :param maps: (N, h, w).
    :param places: (N, P, 2), or (1, P, 2) for the same places of all: x and y as fractions of width and height.
    :returns: (N, P).
    """
    grid = 2 * places[:, None] - 1
    if places.shape[0] == 1:  # of one map with N channels
        return F.grid_sample(maps[None], grid, align_corners=False)[0, :, 0]
    return F.grid_sample(maps[:, None], grid, align_corners=False)[:, 0, 0]


def _padded(masks: Tensor, truth: Truth, value: float) -> Tensor:
    """(N, 1, height, width) of what is covered."""
    height, width = truth.segments.ignored.shape
    beyond = (0, truth.covered[1] - width, 0, truth.covered[0] - height)
    return F.pad(masks[:, None].float(), beyond, value=value)
