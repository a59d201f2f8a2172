"""Maps of objects beside masks, and the classes whose objects they tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo import DataError, Labels
from segzoo.data import Pair, pair, read_mask

THINGS = "things.txt"
SHOWN = 5  # files that an error names


def find_objects(
    root: Path, folders: Iterable[tuple[Path, Path]], pairs: Mapping[str, Pair], smearing: Sequence[str]
) -> dict[str, Path]:
    """The map of objects of each image, by the names of these; empty where there are none.

    :param folders: of images and of maps.
    :param pairs: all images that need one, by name.
    :param smearing: endings of the files that are refused.
    :raises DataError: when some images have none, or a format changes values.
    """
    found: dict[str, Path] = {}
    stray: list[Path] = []
    for images, objects in folders:
        paired = pair(images, objects)
        found |= {files.image.relative_to(root).as_posix(): files.mask for files in paired.pairs.values()}
        stray += paired.without_image
    if not found and not stray:
        return {}
    if missing := [name for name in pairs if name not in found]:
        where = [*found.values(), *stray][0].parent
        raise DataError(
            f"{len(missing)} of {len(pairs)} images have no map of objects in {where} or the like "
            f"({_listed(missing)}); add maps that are called as the images, all 0 where there is no object, or take "
            "them all away"
        )
    if lossy := [file.name for file in found.values() if file.suffix.lower() in smearing]:
        raise DataError(
            f"{len(lossy)} maps of objects are in a format that changes values ({_listed(lossy)}); export them anew, "
            "as PNG of 8 or 16 bits"
        )
    return found


def read_objects(file: Path) -> NDArray[np.int64]:
    """A map of objects, (H, W).

    :raises DataError: when it can't be read, or holds colours.
    """
    objects = read_mask(file)
    if objects.ndim != 2:
        raise DataError(f"{file}: expected the number of an object in each pixel, got colours; save it in grey, as PNG")
    return objects.astype(np.int64)


def listed_things(root: Path, labels: Labels, given: Sequence[str] | None) -> tuple[int, ...] | None:
    """The classes that are named as things: as given, or a line for each in `things.txt`; None where neither is there.

    :raises DataError: for a name that no class has.
    """
    file = root / THINGS
    if given is None:
        if not file.is_file():
            return None
        try:
            given = [line for each in file.read_text("utf-8-sig").splitlines() if (line := each.strip())]
        except (OSError, ValueError) as error:
            raise DataError(f"{file} can't be read: {error}; expected the name of a class on each line") from error
    if strange := [name for name in given if name not in labels.names]:
        raise DataError(
            f"the things of {root} have names that no class has ({_listed(strange)}); the classes are "
            f"{', '.join(labels.names[:20])}"
        )
    return tuple(labels.names.index(name) for name in given)


def seen_things(masks: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> tuple[int, ...]:
    """The classes of pixels that belong to an object.

    :param masks: classes and objects of each sample.
    """
    seen: set[int] = set()
    for classes, objects in masks:
        if classes.shape == objects.shape:
            seen.update(np.unique(classes[(objects > 0) & (classes >= 0)]).tolist())
    return tuple(sorted(seen))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
