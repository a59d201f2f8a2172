"""Replaces a folder as a whole: after a crash or on a full disk, either the old folder or the new one is complete.

The new folder is made beside the old one. For the moment between two renames the old one is called `.NAME.old`.
This file imports no torch.
"""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path

from segzoo.errors import CheckpointError

DAY = 24 * 3600  # seconds: a new folder that is older was abandoned


def standing(folder: str | PathLike[str]) -> Path:
    """The path to read a folder from: its own, or `.NAME.old` after a crash between the two renames."""
    path = Path(folder)
    target = Path(os.path.realpath(path))
    if target.name and not target.exists() and _aside(target).is_dir():
        return _aside(target)
    return path


@contextmanager
def replacing(folder: str | PathLike[str]) -> Iterator[Path]:
    """A block that writes into a new folder, which takes the place of `folder` if the block succeeds.

    Files of the old folder that the block didn't write are kept.

    :raises CheckpointError: when the folder can't be written; the old one is then left as it was.
    """
    try:
        target = Path(os.path.realpath(folder))
        usable = target.name and (target.is_dir() or not target.exists())
    except (OSError, TypeError, ValueError):  # such as a name that is too long, or holds a null byte
        usable = False
    if not usable:
        raise CheckpointError(f"{str(folder)[:80]!r} is no folder; give the path of one, or of one to be")
    if target.is_dir() and Path.cwd().is_relative_to(target):
        raise CheckpointError(f"{str(folder)!r} holds the current directory; give a folder of its own")
    new = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _recover(target, trash=new)
        new.mkdir()
        yield new
        written = os.listdir(new)
        if target.is_dir():
            _carry_over(target, new, written)
        for each in (*(new / name for name in written), new):
            _flush(each)
        _swap(new, target)
    except OSError as error:
        raise CheckpointError(f"{str(folder)!r} can't be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _recover(target: Path, trash: Path) -> None:
    """Restore or delete what a crash left behind."""
    if _aside(target).is_dir():
        _aside(target).rename(trash if target.exists() else target)
        shutil.rmtree(trash, ignore_errors=True)
    for forgotten in target.parent.glob(f".{glob.escape(target.name)}.*.new"):
        with suppress(OSError):
            if time.time() - forgotten.stat().st_mtime > DAY:
                shutil.rmtree(forgotten, ignore_errors=True)


def _swap(new: Path, target: Path) -> None:
    if target.exists():
        target.rename(_aside(target))
    try:
        new.rename(target)
    except BaseException:
        if _aside(target).exists():
            _aside(target).rename(target)
        raise
    with suppress(OSError):  # the new folder is in place; the next save deletes what may be left
        _flush(target.parent)
        _aside(target).rename(new)  # which is deleted


def _carry_over(old: Path, new: Path, written: Iterable[str]) -> None:
    def ignored(folder: str, names: list[str]) -> set[str]:
        return set(written) & set(names) if Path(folder) == old else set()

    shutil.copytree(old, new, symlinks=True, ignore=ignored, copy_function=_link, dirs_exist_ok=True)


def _link(source: str, destination: str) -> None:
    try:
        os.link(source, destination)
    except OSError:  # a file system without links
        shutil.copy2(source, destination)


def _flush(path: Path) -> None:
    """Write a file or folder through to the disk."""
    if path.is_dir() and os.name == "nt":  # Windows can't do so for folders
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
