"""How one of SMP's own encoders is made of timm's layers: the same layers, and maps taken elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import segzoo

Stages = tuple[tuple[str, ...], ...]

DEPTH = 5


@dataclass(frozen=True)
class Recipe:
    """One of SMP's encoders, by timm's layers.

    :param architecture: timm's name of it.
    :param stages: the layers that are run for each map, in turn, by their paths in timm's model.
    :param options: for timm's `create_model`.
    :param names: of its weights where SMP's are not timm's, and timm's.
    :param like_timm: whether, but for dilation, timm's maps are those of `stages`.
    :param dilates: whether SMP can dilate it.
    :param padded_for: side of the square image, in pixels, for which the padding of strided convolutions was computed:
        SMP keeps it for images of all sizes. None for an equal padding on all sides.
    :param without_act: norms, by path, whose activation is left out.
    :param pads: whether each 3x3 convolution and each max pooling is padded by one pixel, where timm's may not be.
    :param activated: numbers of the maps that are a stage's result after a ReLU, which the next stage doesn't see.
    """

    architecture: str
    stages: Stages
    options: Mapping[str, Any] = field(default_factory=dict)
    names: segzoo.Table = field(default_factory=dict)
    like_timm: bool = False
    dilates: bool = True
    padded_for: int | None = None
    without_act: tuple[str, ...] = ()
    pads: bool = False
    activated: tuple[int, ...] = ()
