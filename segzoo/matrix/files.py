"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from segzoo.errors import OptionError


def check_writable(path: str | PathLike[str]) -> None:
    """See whether a file can be written, before hours of work that end in it.

    :raises OptionError: when it can't.
    """
    target = Path(path)
    if target.is_dir():
        raise OptionError(f"can't write to {target}: it is a folder; give the name of a file")
    partial = _partial(target)
    try:
        partial.touch()
        partial.unlink()
    except OSError as error:
        raise OptionError(f"can't write to {target}: {error.strerror or error}; give another file") from error


def write_whole(path: str | PathLike[str], text: str) -> None:
    """Write a file; whoever reads it meanwhile sees the old one or the new one, never a half.

    :raises OptionError: when it can't be written.
    """
    target = Path(path)
    partial = _partial(target)
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OptionError(f"can't write to {target}: {error.strerror or error}; give another file") from error


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.partial")
