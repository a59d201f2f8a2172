"""The folder that a demo leaves its report in."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile

from segzoo.errors import OptionError


def prepare_folder(output: str | PathLike[str]) -> Path:
    """Make the folder for the report, or find it there.

    :raises OptionError: when it can't be made or written to.
    """
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OptionError(
            f"the demo can't write to the folder {folder}: {error.strerror or error}; give another as output"
        ) from error
    return folder
