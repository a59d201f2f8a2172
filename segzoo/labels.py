"""What the classes of a head are called, and the colours that they are drawn in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segzoo.errors import DataError, OptionError

if TYPE_CHECKING:
    from torch import Tensor

Colour = tuple[int, int, int]

IGNORE = -100
"""What a mask holds where a pixel has no class and isn't counted: what torch's `cross_entropy` leaves out by itself.
Files have other numbers for it, most often 255, and a dataset puts this one in their place."""


@dataclass(frozen=True)
class Labels:
    """The classes of one head.

    :param names: one for each class, or none at all.
    :param palette: (red, green, blue), 0 to 255, one for each class, or none at all.
    :param things: the numbers of those classes whose objects are told apart, such as cars. The others are stuff, such
        as sky. None where that isn't known.
    :raises OptionError: for names that aren't strings, colours that aren't three such numbers, or things that are no
        classes.

    >>> Labels(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
    Labels(names=('road', 'sky'), palette=((128, 64, 128), (70, 130, 180)), things=None)
    """

    names: tuple[str, ...] = ()
    palette: tuple[Colour, ...] = ()
    things: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "palette", tuple(_colour(each) for each in self.palette))
        for name in self.names:
            if not isinstance(name, str):
                raise OptionError(f"the name of a class is a string, got {name!r}")
        if self.things is not None:
            object.__setattr__(self, "things", _things(self.things))

    def name(self, number: int) -> str:
        """What a class is called; its number where that isn't known."""
        return self.names[number] if number < len(self.names) else str(number)

    def check(self, head: str, classes: int) -> None:
        """Hold the labels against the number of classes.

        :raises OptionError: when there are some, but not one for each class.
        """
        for what, given in (("names", self.names), ("colours", self.palette)):
            if given and len(given) != classes:
                raise OptionError(f"head {head!r} has {classes} classes and got {len(given)} {what}; give one for each")
        if beyond := [thing for thing in self.things or () if thing >= classes]:
            raise OptionError(f"head {head!r} has {classes} classes, 0 to {classes - 1}, and got the things {beyond}")


def check_classes(mask: Tensor, classes: int, ignore_index: int | None = IGNORE) -> None:
    """Hold a mask against the number of classes.

    :param ignore_index: what it holds where a pixel has no class; None where each has one.
    :raises DataError: for any other value.
    """
    if not mask.numel():
        return
    known = mask if ignore_index is None else mask.masked_fill(mask == ignore_index, 0)
    low, high = (int(each) for each in known.aminmax())
    if low < 0 or high >= classes:
        ignored = "" if ignore_index is None else f", or {ignore_index} where a pixel has none"
        raise DataError(f"expected classes from 0 to {classes - 1}{ignored}, got values from {low} to {high}")


def _things(things: Iterable[int]) -> tuple[int, ...]:
    numbers = tuple(things) if isinstance(things, Iterable) else (things,)
    for number in numbers:
        if type(number) is not int or number < 0:
            raise OptionError(f"things are numbers of classes, got {number!r}")
    return tuple(sorted(set(numbers)))


def _colour(colour: Sequence[int]) -> Colour:
    numbers = isinstance(colour, Sequence) and not isinstance(colour, str | bytes)
    if not numbers or len(colour) != 3 or not all(type(each) is int and 0 <= each <= 255 for each in colour):
        raise OptionError(f"a colour is (red, green, blue), each from 0 to 255, got {colour!r}")
    red, green, blue = colour
    return red, green, blue
