"""What was fetched last, kept beside the caches of huggingface_hub and torch."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from segzoo import __version__
from segzoo.errors import OptionError
from segzoo.files import write_whole


class Fetched(BaseModel):
    """The last time that an address was asked.

    :param address: that was asked.
    :param asked: when, in seconds since 1970.
    :param document: the last that could be read; None where none could.
    :param problem: why it isn't that of the last time; None if it is.
    :param segzoo: the version that asked.
    """

    address: str
    asked: Annotated[float, Field(ge=0, le=1e11)]
    document: str | None
    problem: str | None = None
    segzoo: str = __version__


def file() -> Path:
    """Where it is kept: `$XDG_CACHE_HOME/segzoo`, `~/.cache/segzoo` by default."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "segzoo" / "directory.json"


def recall(address: str) -> Fetched | None:
    """What is kept of an address.

    None if there is nothing, or if another version of segzoo kept it: the copy that came with this one may be newer.
    """
    try:
        kept = Fetched.model_validate_json(file().read_bytes())
    except (OSError, ValidationError):
        return None
    return kept if (kept.address, kept.segzoo) == (address, __version__) else None


def remember(fetched: Fetched) -> None:
    """Keep it, where the folder can be written to; elsewhere the address is asked again next time."""
    with suppress(OSError, OptionError):
        file().parent.mkdir(parents=True, exist_ok=True)
        write_whole(file(), fetched.model_dump_json())
