"""A visitor's file, before anything of it is read: whether it is an image, and not too large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from segzoo.data.reading import PICTURES, image_size
from segzoo.errors import DataError, InputError, SegzooError

ENDINGS = ", ".join(sorted(PICTURES))


def check_image(path: Path, most_pixels: float) -> tuple[int, int]:
    """Height and width of an image that can be taken.

    :param most_pixels: that it may have, in millions.
    :raises InputError: when it is no image, or has more pixels.
    """
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"{path.name} is no image that is read here; give a file whose name ends in {ENDINGS}")
    try:
        height, width = image_size(path)
    except DataError as error:
        if isinstance(error.__cause__, Image.DecompressionBombError):
            raise InputError(f"{path.name} has more than {most_pixels:g} million pixels; {_smaller(path)}") from error
        raise InputError(
            f"{path.name} can't be read as an image; give a picture that opens elsewhere, and whose name ends in "
            f"{ENDINGS}"
        ) from error
    if height * width > most_pixels * 1e6:
        raise InputError(
            f"{path.name} has {width}x{height} pixels, {height * width / 1e6:.0f} million, and at most "
            f"{most_pixels:g} million are taken here; {_smaller(path)}"
        )
    return height, width


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors that call a visitor's file by its name, rather than say where this machine keeps it."""
    try:
        yield
    except SegzooError as error:
        raise type(error)(str(error).replace(str(path), path.name)) from error


def _smaller(path: Path) -> str:
    return f"make it smaller, or run `segzoo predict MODEL {path.name}`, which takes any size"
