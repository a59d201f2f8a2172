"""A case: a subject of checks in one place, and the subject that has such cases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar, Generic, TypeVar
from unittest import SkipTest

from torch import Tensor, nn

from segzoo.errors import PluginError
from segzoo.host import registry

CLASSES = 3
SIZE = (32, 64)
"""Height and width that every stride of the catalogue up to 32 divides."""
ODD_SIZE = (79, 65)
"""That none divides."""
WITNESSES = 2
"""Cases that a check of arithmetic runs; negotiation and sizes are checked in all."""

Features = Tensor | list[Tensor]


class Case(ABC):
    """A subject in one place: with one encoder of the catalogue, where it needs one.

    :ivar where: for messages.
    """

    where: str

    @abstractmethod
    def build(self) -> nn.Module:
        """The module alone, on the default device."""

    @abstractmethod
    def inputs(self, size: tuple[int, int] = SIZE, batch: int = 2, device: str = "cpu") -> Features:
        """What the module takes, for an image of that size: random numbers, new at every call."""

    @abstractmethod
    def model(self) -> nn.Module:
        """The module with what it needs to take an image (B, 3, H, W)."""


C = TypeVar("C", bound=Case)


class Subject(ABC, Generic[C]):
    """A decoder, encoder or neck with its options.

    :ivar provided: its descriptor and who provides it; None for a class or module given by hand.
    """

    kind: ClassVar[str]
    provided: registry.Provided[Any] | None = None
    options: Mapping[str, Any]

    @abstractmethod
    def cases(self) -> Iterator[C]:
        """Every case in which it can be built; why not in the others is a check of its own."""

    @property
    @abstractmethod
    def identity(self) -> tuple[Any, ...]:
        """Equal for two subjects that are built alike."""

    def witnesses(self, count: int = WITNESSES) -> list[C]:
        """The first of the cases.

        :raises SkipTest: when there is none.
        """
        found = list(islice(self.cases(), count))
        if not found:
            raise SkipTest("it can be built with no encoder of the catalogue")
        return found


def loaded(provided: registry.Provided[Any], base: type) -> type[Any]:
    target = provided.load()
    if not (isinstance(target, type) and issubclass(target, base)):
        raise PluginError(f"{provided.id} is no segzoo.{base.__name__}: {provided.descriptor.target} is {target!r}")
    return target
