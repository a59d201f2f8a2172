"""A decoder's answer to an encoder's offer: plain data, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from segzoo.errors import ContractError, OptionError


@dataclass(frozen=True)
class Selection:
    """Which stages a decoder takes, and what it wishes for.

    :param stages: entries of the offered list, fine to coarse.
    :param placeholders: whether stages without channels are welcome among them.
    :param output_stride: wish: no stride larger than this (8 or 16), the deepest stages dilated where one is. Usually
        an option of the decoder's, passed on as it came.
    :param pyramid: wish: each stage coarser than the one before.
    :param prefix: wish: `"concat"`, the class token appended to the channels of each map.
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
    roles: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.stages or list(self.stages) != sorted(set(self.stages)):
            raise ContractError(f"a Selection names stages once each, fine to coarse, got {self.stages}")
        if self.output_stride not in (None, 8, 16):
            raise OptionError(f"a decoder can wish for output_stride 8, 16 or None, got {self.output_stride!r}")
        if not self.roles:
            object.__setattr__(self, "roles", tuple("used" for _ in self.stages))
        if len(self.roles) != len(self.stages):
            raise ContractError(f"a Selection has one role per stage, got {len(self.roles)} for {len(self.stages)}")
