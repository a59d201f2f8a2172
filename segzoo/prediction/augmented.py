"""A model that looks at an image several times: mirrored, and at other sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.errors import OptionError
from segzoo.head import Logits


class Augmented(nn.Module):
    """The mean of what a model says of an image at several scales, and of its mirror image.

    :param model: image (B, C, H, W) to logits of its size, or a dict of them.
    :param scales: factors of the image's size.
    :param flips: whether each is looked at mirrored, left to right, as well.
    :raises OptionError: for no scale, or one that isn't a number above 0.
    """

    def __init__(self, model: nn.Module, scales: Sequence[float] = (1.0,), flips: bool = False) -> None:
        super().__init__()
        if not scales or not all(math.isfinite(scale) and scale > 0 for scale in scales):
            raise OptionError(f"expected scales above 0, such as (0.75, 1.0, 1.25), got {tuple(scales)}")
        self.model = model
        self.scales = tuple(scales)
        self.flips = flips

    def forward(self, image: Tensor) -> Logits:
        """Logarithms of mean probabilities, (B, classes, H, W): the largest is the class.

        Of a single class it is the logit of its mean probability.
        """
        size = image.shape[-2:]
        sums: dict[str, Tensor] = {}  # one map at a time is held besides: with 150 classes a map is large
        named = False
        for scale in self.scales:
            scaled = _resize(image, [max(1, round(side * scale)) for side in size])
            for mirrored in (False, True)[: 1 + self.flips]:
                logits = self.model(scaled.flip(-1) if mirrored else scaled)
                named = isinstance(logits, dict)
                for name, each in logits.items() if isinstance(logits, dict) else [("", logits)]:
                    upright = each.flip(-1) if mirrored else each
                    seen = _probabilities(_resize(upright, size))
                    sums[name] = sums[name] + seen if name in sums else seen
        looks = len(self.scales) * (1 + self.flips)
        means = {name: _logits(each / looks) for name, each in sums.items()}
        return means if named else means[""]


def _resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    same = tuple(maps.shape[-2:]) == tuple(size)
    return maps if same else F.interpolate(maps, list(size), mode="bilinear", align_corners=False)


def _probabilities(logits: Tensor) -> Tensor:
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)


def _logits(probabilities: Tensor) -> Tensor:
    return torch.logit(probabilities) if probabilities.shape[1] == 1 else probabilities.log()
