"""What the core asks of an encoder source: plain data, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class EncoderRequest:
    """How an encoder is to be built.

    :param in_channels: channels of the image.
    :param depth: the deepest stage; the encoder's own if None.
    :param img_size: (height, width) to build the encoder for, where it depends on one.
    :param output_stride: wish: the largest stride, deeper stages dilated.
    :param prefix: wish: `"concat"` appends the class token, broadcast, to the channels of each map.
    :param options: the encoder's own.
    """

    in_channels: int = 3
    depth: int | None = None
    img_size: tuple[int, int] | None = None
    output_stride: int | None = None
    prefix: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
