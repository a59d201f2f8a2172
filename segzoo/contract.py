"""The contract between encoders and decoders, as plain data: feature list, request and selection.

Entry 0 is at the image's own resolution, entry *i* is stage *i*. A resolution that the encoder lacks is a
placeholder: zero channels, the right height and width. This file imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from segzoo.errors import ContractError, OptionError

USUAL_DEPTH = 5


@dataclass(frozen=True)
class FeatureSpec:
    """Channels and strides of a feature list, fine to coarse.

    :param channels: channels of each map; 0 marks a placeholder.
    :param strides: image pixels per map pixel, of each map. Read strides here, never compute them from an index: a
        dilated encoder has `1, 2, 4, 8, 16, 16`, a plain ViT `1, 2, 16, 16, 16, 16`.
    :param token_channels: how many of each map's channels, the last ones, hold the class token, the same all over the
        map; none by default. What `prefix="concat"` appends.
    :param blocks: how many blocks it has, of a plain transformer whose last ones a decoder may drive itself, with
        tokens of its own among the encoder's (`segzoo.TokenEncoder`); 0 of all others.
    :raises ContractError: when the two differ in length, or a number is out of range.

    >>> spec = FeatureSpec(channels=(3, 0, 64, 128), strides=(1, 2, 4, 8))
    >>> spec.depth, spec.native, spec.is_placeholder(1)
    (3, (0, 2, 3), True)
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    token_channels: tuple[int, ...] = field(default=(), repr=False)
    blocks: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "strides", tuple(self.strides))
        object.__setattr__(self, "token_channels", tuple(self.token_channels) or (0,) * len(self.channels))
        if not self.channels or len(self.channels) != len(self.strides):
            raise ContractError(
                f"a FeatureSpec needs one stride per entry, got channels={self.channels} and strides={self.strides}"
            )
        if min(self.channels) < 0 or min(self.strides) < 1:
            raise ContractError(f"channels must be 0 or more and strides 1 or more, got {self}")
        if self.blocks < 0:
            raise ContractError(f"blocks must be 0 or more, got {self.blocks}")
        if len(self.token_channels) != len(self.channels) or not all(
            0 <= token <= channels for token, channels in zip(self.token_channels, self.channels, strict=True)
        ):
            raise ContractError(
                f"token_channels are some of each entry's channels, got {self.token_channels} for {self.channels}"
            )

    def __len__(self) -> int:
        return len(self.channels)

    @property
    def depth(self) -> int:
        """The number of the deepest stage."""
        return len(self) - 1

    @property
    def native(self) -> tuple[int, ...]:
        """The entries that are no placeholders."""
        return tuple(i for i, channels in enumerate(self.channels) if channels)

    @property
    def isotropic(self) -> bool:
        """Whether its maps share one resolution, as a plain transformer's do; the image's own doesn't count.

        >>> FeatureSpec(channels=(3, 0, 192, 192), strides=(1, 2, 16, 16)).isotropic
        True
        """
        return len({self.strides[entry] for entry in self.native} - {1}) == 1

    def is_placeholder(self, entry: int) -> bool:
        return self.channels[entry] == 0

    def select(self, entries: Iterable[int]) -> FeatureSpec:
        """The spec of some entries alone."""
        entries = tuple(entries)
        return FeatureSpec(
            channels=tuple(self.channels[i] for i in entries),
            strides=tuple(self.strides[i] for i in entries),
            token_channels=tuple(self.token_channels[i] for i in entries),
        )

    def size(self, entry: int, image: tuple[int, int]) -> tuple[int, int]:
        """Height and width of an entry on the grid of an image of that height and width."""
        return grid_size(image, self.strides[entry])


@dataclass(frozen=True)
class InputSpec:
    """The image sizes that an encoder takes, in pixels.

    :param multiple: height and width must be divisible by it; the model pads the image and crops the logits.
    :param minimum: the smallest height and width.
    :param fixed: the only (height, width) that the architecture computes at; the encoder resizes the image to it, and
        its maps back to the grid of the image.
    """

    multiple: int = 1
    minimum: int = 1
    fixed: tuple[int, int] | None = None

    def padded(self, image: tuple[int, int]) -> tuple[int, int]:
        """The size that an image of that height and width is padded to.

        >>> InputSpec(multiple=14).padded((97, 131))
        (98, 140)
        """
        height, width = (-(-length // self.multiple) * self.multiple for length in image)
        return height, width

    def takes(self, image: tuple[int, int]) -> bool:
        """Whether the encoder takes that (height, width) as it is: no padding, no resizing."""
        return tuple(image) == self.fixed if self.fixed else self.padded(image) == tuple(image)

    def nearest(self, image: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """The next smaller and the next larger (height, width) that the encoder takes as they are."""
        if self.fixed:
            return (self.fixed,)
        larger = self.padded(image)
        height, width = (length // self.multiple * self.multiple for length in image)
        return tuple(size for size in ((height, width), larger) if min(size) >= self.minimum)

    def describe(self, strict: bool = False) -> str:
        """One line for people: what happens to an image of any size, or which sizes are taken when strict."""
        least = f" of {self.minimum} pixels or more" if self.minimum > 1 else ""
        if self.fixed:
            size = f"{self.fixed[0]}x{self.fixed[1]}"
            return (
                f"{size} alone" if strict else f"any size{least}, resized to {size} for the encoder and its maps back"
            )
        if self.multiple > 1:
            grid = f"a multiple of {self.multiple}"
            return f"{grid} alone" if strict else f"any size{least}, padded to {grid} and the logits cropped"
        return f"any size{least} as it is"


def grid_size(image: tuple[int, int], stride: int) -> tuple[int, int]:
    """Height and width of a map of that stride: image over stride, rounded up.

    >>> grid_size((97, 131), 4)
    (25, 33)
    """
    # whole numbers throughout, as sizes may be symbolic, and none below zero, which ONNX's division rounds up
    height, width = ((length + stride - 1) // stride for length in image)
    return height, width


def place_stages(strides: Sequence[int], deepest: int | None = None) -> tuple[int, ...]:
    """The stage at which each native map stands, fine to coarse.

    A map stands at the stage of its stride (the nearest power of two). Maps that share one stride stand in
    consecutive stages, and push what is finer up only where there is no room.

    :param strides: of the native maps, fine to coarse.
    :param deepest: the stage of the last map. By default that of its stride, or as much deeper as the maps that share
        its stride need, up to stage 5; an encoder of one resolution always ends at stage 5.
    :raises OptionError: when there are more maps than stages.

    >>> place_stages((4, 8, 16, 32))            # Mix Transformer
    (2, 3, 4, 5)
    >>> place_stages((16, 16, 16, 16))          # plain ViT, four blocks
    (2, 3, 4, 5)
    >>> place_stages((2, 4, 8, 16, 16))         # a dilated ResNet
    (1, 2, 3, 4, 5)
    >>> place_stages((16, 32, 64))              # LeViT
    (4, 5, 6)
    """
    nominal = [round(math.log2(stride)) for stride in strides]
    if deepest is None:
        sharing = sum(stride == strides[-1] for stride in strides)
        one_resolution = sharing == len(strides)
        deepest = max(nominal[-1], USUAL_DEPTH if one_resolution else min(USUAL_DEPTH, nominal[-1] + sharing - 1))
    stages = [deepest]
    for entry in reversed(range(len(strides) - 1)):
        above = stages[0] - 1
        stages.insert(0, above if strides[entry] == strides[entry + 1] else min(nominal[entry], above))
    if stages[0] < 0:
        raise OptionError(f"{len(stages)} maps of strides {tuple(strides)} don't fit into stages 0 to {deepest}")
    return tuple(stages)


@dataclass(frozen=True)
class EncoderRequest:
    """How an encoder is to be built.

    :param in_channels: channels of the image.
    :param depth: the deepest stage; the encoder's own if None.
    :param img_size: (height, width) to build the encoder for, where it depends on one.
    :param output_stride: wish: the largest stride, deeper stages dilated.
    :param prefix: wish: `"concat"` appends the class token, broadcast, to the channels of each map.
    :param options: the encoder's own.
    :param tokens: wish: how many of the last blocks a decoder drives itself.
    """

    in_channels: int = 3
    depth: int | None = None
    img_size: tuple[int, int] | None = None
    output_stride: int | None = None
    prefix: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    tokens: int | None = None


@dataclass(frozen=True)
class Selection:
    """Which stages a decoder takes, and what it wishes for.

    :param stages: entries of the offered list, fine to coarse.
    :param placeholders: whether stages without channels are welcome among them.
    :param output_stride: wish: no stride larger than this (8 or 16), the deepest stages dilated where one is. Usually
        an option of the decoder's, passed on as it came.
    :param pyramid: wish: each stage coarser than the one before.
    :param prefix: wish: `"concat"`, the class token appended to the channels of each map.
    :param tokens: wish: to drive so many of the last blocks itself, given `segzoo.Tokens` in place of the stages' maps.
        To be wished for only where `offer.blocks` are enough, since a decoder has no other way then.
    :param roles: a word per stage for the plan, such as "skip"; "used" if left out.
    :param options: of the decoder's that follow from the offer, such as a width that was left to it; they take the
        place of those given, and stand in the plan.
    :param notes: what a reader of the plan should know.
    :raises ContractError: when stages repeat or are out of order, or roles don't match them.
    :raises OptionError: for another output stride.
    """

    stages: tuple[int, ...]
    placeholders: bool = False
    output_stride: int | None = None
    pyramid: bool = False
    prefix: Literal["concat"] | None = None
    tokens: int | None = None
    roles: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.stages or list(self.stages) != sorted(set(self.stages)):
            raise ContractError(f"a Selection names stages once each, fine to coarse, got {self.stages}")
        if self.output_stride not in (None, 8, 16):
            raise OptionError(f"a decoder can wish for output_stride 8, 16 or None, got {self.output_stride!r}")
        if self.tokens is not None and self.tokens < 1:
            raise ContractError(f"a decoder can wish for the tokens of 1 block or more, or None, got {self.tokens!r}")
        if not self.roles:
            object.__setattr__(self, "roles", tuple("used" for _ in self.stages))
        if len(self.roles) != len(self.stages):
            raise ContractError(f"a Selection has one role per stage, got {len(self.roles)} for {len(self.stages)}")
