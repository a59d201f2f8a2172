"""What the files of each image's predictions are called, and what is left of them where a process was killed."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from segzoo.errors import OptionError
from segzoo.mapping.inputs import Input
from segzoo.mapping.opening import TIFF
from segzoo.mapping.task import Wanted


class Files(NamedTuple):
    """The files of one head."""

    main: Path
    overlay: Path | None
    polygons: Path | None

    @classmethod
    def of(cls, folder: Path, name: str, picture: Path, head: str, wanted: Wanted) -> Files:
        """A TIFF's classes are a TIFF, and other pictures' a PNG."""
        stem = f"{name}.{head}" if head else name
        ending = ".tif" if picture.suffix.lower() in TIFF else ".png" if wanted.output == "classes" else ".npy"
        return cls(
            folder / (f"{stem}{ending}" if wanted.output == "classes" else f"{stem}.{wanted.output}{ending}"),
            folder / f"{stem}.overlay.png" if wanted.overlay else None,
            folder / f"{stem}.gpkg" if wanted.polygons else None,
        )

    @property
    def all(self) -> list[Path]:
        return [each for each in self if each is not None]


def name_outputs(
    inputs: Sequence[Input], folder: Path, heads: Iterable[str], wanted: Wanted
) -> dict[Input, dict[str, Files]]:
    """The files of each input, by head, in their folders.

    :raises OptionError: when two have one name.
    """
    named = {each: {head: Files.of(folder, each.name, each.path, head, wanted) for head in heads} for each in inputs}
    owners: dict[Path, Path] = {}
    for each, files in named.items():
        for file in all_of(files):
            if owners.setdefault(file, each.path) != each.path:
                raise OptionError(f"{owners[file]} and {each.path} would both be predicted as {file}; rename one")
    return named


def all_of(files: Mapping[str, Files]) -> tuple[Path, ...]:
    """The files of all heads."""
    return tuple(file for head in files.values() for file in head.all)


def clear(file: Path) -> None:
    """Take away what isn't finished of a file: what a process that was killed had begun, and parts.

    :raises OptionError: when the folder can't be written.
    """
    name = glob.escape(file.name)
    try:
        for pattern in (f".{name}.*.partial*", f".{name}.*-*.npy", f"..{name}.*-*.npy.*.partial*"):
            for each in file.parent.glob(pattern):
                each.unlink(missing_ok=True)
    except OSError as error:
        raise OptionError(f"can't write to {file}: {error.strerror or error}; give another folder") from error
