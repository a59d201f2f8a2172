"""Files written whole: whoever reads one meanwhile sees the old one or the new one, never a half."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
        raise _unwritable(target, error) from error


def write_whole(path: str | PathLike[str], text: str) -> None:
    """Write a file of text.

    :raises OptionError: when it can't be written.
    """
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """A file to write, beside the one that it replaces when all went well.

    :raises OptionError: when it can't be written.
    """
    target = Path(path)
    partial = _partial(target)
    try:
        yield partial
        os.replace(partial, target)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}.partial")


def _unwritable(target: Path, error: OSError) -> OptionError:
    return OptionError(f"can't write to {target}: {error.strerror or error}; give another file")
