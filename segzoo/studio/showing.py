"""What is shown of what one or two models found: which classes, how much of each, and where."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from segzoo.pictures import overlay
from segzoo.pictures.colours import Picture
from segzoo.studio.markup import paragraph, table
from segzoo.studio.trying import Found


def head_names(found: Sequence[Found]) -> list[str]:
    """Of the heads that have names, each once."""
    return list(dict.fromkeys(name for each in found for name in each.heads if name))


def class_names(found: Sequence[Found], head: str | None) -> list[str]:
    """Of the classes that some model found, each once, in their order."""
    heads = [each.head(head) for each in found]
    return list(
        dict.fromkeys(each.name(number) for each in heads for number, pixels in enumerate(each.pixels) if pixels)
    )


def first_shown(found: Sequence[Found], head: str | None) -> list[str]:
    """The classes that are shown to begin with: all but each model's first, which most often is the ground."""
    grounds = {each.head(head).name(0) for each in found}
    names = class_names(found, head)
    return [name for name in names if name not in grounds] or names


def sides(found: Sequence[Found], head: str | None, shown: Collection[str], opacity: float) -> tuple[Picture, Picture]:
    """Left and right of the slider: the image beside what a model found, or what two models found.

    :param shown: names of classes.
    :param opacity: of their colours, from 0 to 1.
    """
    *_, picture = drawn = [_draw(each, head, shown, opacity) for each in found]
    return (drawn[0], picture) if len(drawn) > 1 else (found[0].picture, picture)


def areas(found: Sequence[Found], head: str | None) -> str:
    """A table for each model: how many pixels each class has, and which share of the image."""
    return "".join(_areas(each, head, named=len(found) > 1) for each in found)


def _draw(found: Found, head: str | None, shown: Collection[str], opacity: float) -> Picture:
    chosen = found.head(head)
    numbers = [number for number in range(chosen.classes.classes) if chosen.name(number) in shown]
    return overlay(found.picture, chosen.shown, chosen.classes.palette, opacity, numbers)


def _areas(found: Found, head: str | None, named: bool) -> str:
    chosen = found.head(head)
    total = max(1, sum(chosen.pixels))
    present = [number for number, pixels in enumerate(chosen.pixels) if pixels]
    present.sort(key=lambda number: -chosen.pixels[number])
    rows = [
        (chosen.name(number), f"{chosen.pixels[number]:,}", f"{chosen.pixels[number] / total:.1%}")
        for number in present
    ]
    colours = [chosen.classes.palette[number] for number in present]
    return (paragraph(found.model) if named else "") + table(["Class", "Pixels", "Share"], rows, colours)
