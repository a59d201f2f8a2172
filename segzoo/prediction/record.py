"""What a folder's predictions were made with: a run that was stopped goes on, and no other mixes with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segzoo.errors import OptionError
from segzoo.files import write_whole

FILE = "segzoo-predict.json"


def begin(folder: Path, settings: Mapping[str, Any], overwrite: bool) -> bool:
    """Make the folder, and write down what its predictions are made with.

    :param settings: plain data.
    :returns: whether it holds predictions that were made with the same.
    :raises OptionError: when it can't be written, or holds predictions that were made with other settings.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"can't write to {folder}: {error.strerror or error}; give another folder") from error
    settings = json.loads(json.dumps(settings))
    earlier = _read(folder / FILE)
    if earlier is not None and not overwrite:
        others = sorted(key for key in {*earlier, *settings} if earlier.get(key) != settings.get(key))
        if others:
            changes = "; ".join(f"{key}: {earlier.get(key)!r}, now {settings.get(key)!r}" for key in others)
            raise OptionError(
                f"{folder} holds predictions that were made with other settings ({changes}); give another folder, or "
                "--overwrite"
            )
        return True
    write_whole(folder / FILE, json.dumps({"settings": settings}, indent=2) + "\n")
    return False


def end(folder: Path, settings: Mapping[str, Any], broken: Mapping[str, str]) -> None:
    """Write down what couldn't be predicted, and why."""
    write_whole(folder / FILE, json.dumps({"settings": settings, "broken": broken}, indent=2) + "\n")


def _read(file: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))["settings"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OptionError(f"{file} can't be read: {error}; give another folder, or --overwrite") from error
