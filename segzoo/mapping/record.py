"""What a folder's predictions were made with: a run that was stopped goes on, and no other mixes with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segzoo.errors import OptionError
from segzoo.files import write_whole
from segzoo.mapping.inputs import Input
from segzoo.mapping.naming import Files, all_of, clear
from segzoo.mapping.task import Outcome

FILE = "segzoo-predict.json"


@contextmanager
def recorded(
    folder: Path,
    settings: Mapping[str, Any],
    overwrite: bool,
    files: Mapping[Input, Mapping[str, Files]],
    outcome: Outcome,
) -> Iterator[list[Input]]:
    """Which inputs are left to do, in a folder that says what its predictions are made with, and in the end what broke.

    What an earlier run of the same settings has predicted since the input was last changed is kept.

    :param settings: plain data.
    :raises OptionError: when the folder can't be written, or holds predictions that were made with other settings, or
        files that no such run has written.
    """
    settings = json.loads(json.dumps(settings))
    earlier = _read(folder / FILE) if not overwrite else None
    if earlier is not None:
        _compare(folder, earlier, settings)
    elif not overwrite:
        for file in (file for each in files.values() for file in all_of(each)):
            if file.exists():
                raise OptionError(f"{file} exists already; give another folder, or --force")
    missing = []
    for each, heads in files.items():
        outputs = all_of(heads)
        if earlier is not None and all(is_newer(file, each.path) for file in outputs):
            outcome.kept.append(str(each.path))
            continue
        missing.append(each)
        for file in outputs:
            _prepare(file, anew=earlier is None)
    _write(folder, settings, {})
    try:
        yield missing
    finally:
        _write(folder, settings, outcome.broken)


def is_newer(output: Path, picture: Path) -> bool:
    """Whether an output is there that was made since its picture was last changed."""
    return output.exists() and output.stat().st_mtime >= picture.stat().st_mtime


def _compare(folder: Path, earlier: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    others = sorted(key for key in {*earlier, *settings} if earlier.get(key) != settings.get(key))
    if others:
        changes = "; ".join(f"{key}: {earlier.get(key)!r}, now {settings.get(key)!r}" for key in others)
        raise OptionError(
            f"{folder} holds predictions that were made with other settings ({changes}); give another folder, or "
            "--force"
        )


def _prepare(file: Path, anew: bool) -> None:
    """Make the file's folder.

    :param anew: take away what was made with other settings, which a run that is stopped would leave among its own.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if anew:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise OptionError(f"can't write to {file}: {error.strerror or error}; give another folder") from error
    if anew:
        clear(file)


def _write(folder: Path, settings: Mapping[str, Any], broken: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"can't write to {folder}: {error.strerror or error}; give another folder") from error
    write_whole(folder / FILE, json.dumps({"settings": settings, "broken": broken}, indent=2) + "\n")


def _read(file: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))["settings"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OptionError(f"{file} can't be read: {error}; give another folder, or --force") from error
