"""Where an artefact is written: beside its final place, where it appears once it is right."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from segzoo.errors import OptionError
from segzoo.exporting.target import Target


def check_path(file: Path, target: Target, force: bool) -> None:
    """See whether an artefact may have this name.

    :raises OptionError: for another ending than the target's, a folder, and, without `force`, what is there already.
    """
    if file.suffix != target.suffix:
        raise OptionError(f"what is exported to {target.name} ends in {target.suffix}, got {str(file)!r}")
    if file.is_dir():
        raise OptionError(f"can't write to {file}: it is a folder; give the name of a file")
    for each in target.files(file):
        if each.exists() and not force:
            raise OptionError(f"{each} is there already: give another name, or --force (force=True) to replace it")


@contextmanager
def beside(file: Path) -> Iterator[Path]:
    """A folder on the disk of the file, gone afterwards whatever happens.

    :raises OptionError: when it can't be written to, such as on a full disk.
    """
    try:
        with TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
            yield Path(folder)
    except OSError as error:
        raise OptionError(f"can't write to {file}: {error.strerror or error}; give another file") from error


def place(folder: Path, file: Path) -> None:
    """Give the files their final names, the artefact itself last."""
    for each in sorted(folder.iterdir(), key=lambda written: written.name == file.name):
        os.replace(each, file.parent / each.name)
