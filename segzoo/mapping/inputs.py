"""Which files are predicted, and what their outputs are called."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from segzoo.data.reading import PICTURES
from segzoo.errors import DataError, OptionError


class Input(NamedTuple):
    """A file to predict.

    :ivar name: of its outputs, without an ending; with folders where the file lies in some below one that was given.
    """

    path: Path
    name: str


def find_inputs(paths: Sequence[str], output: Path) -> list[Input]:
    """Files, those of folders and what is below them, and those that patterns such as `scenes/*.tif` match.

    :param output: the folder that predictions go to; what lies in it is no input.
    :raises DataError: for what isn't there, or can't be looked into, or has no pictures.
    :raises OptionError: for two files whose outputs would have one name, or one that lies among the outputs.
    """
    found: dict[Path, Input] = {}
    outputs = output.resolve()
    for given in paths:
        root = Path(given).resolve()
        if root.exists() and outputs in [root, *root.parents]:
            raise OptionError(f"{given} lies among the outputs, in {output}; give another folder as --output")
        within = list(_below(given))
        if not within:
            raise DataError(f"there are no images in {given}; their names end in {', '.join(sorted(PICTURES))}")
        for each in within:
            path = each.path.resolve()
            if outputs not in path.parents:
                found.setdefault(path, each)
    names: dict[str, Path] = {}
    for each in found.values():
        other = names.setdefault(each.name, each.path)
        if other != each.path:
            raise OptionError(
                f"{other} and {each.path} would both be predicted as {each.name}; rename one, or give the folder that "
                "both lie in, whose folders are kept"
            )
    return list(found.values())


def _below(given: str) -> Iterator[Input]:
    path = Path(given)
    if path.is_dir():
        yield from _in_folder(path)
    elif path.exists():
        yield Input(path, path.stem)
    elif matches := sorted(glob.glob(given, recursive=True)):
        for each in map(Path, matches):
            if each.is_file():
                yield Input(each, each.stem)
    else:
        raise DataError(f"there is no file or folder {given}, and as a pattern it matches none")


def _in_folder(folder: Path) -> Iterator[Input]:
    def unreadable(error: OSError) -> None:
        raise DataError(f"{error.filename} can't be looked into: {error.strerror}; change its permissions") from error

    for root, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for file in sorted(files):
            path = Path(root, file)
            if path.suffix.lower() in PICTURES and not file.startswith("."):
                yield Input(path, path.relative_to(folder).with_suffix("").as_posix())
