"""What timm itself says of its architectures, kept so that listing them imports neither timm nor torch.

`catalogue.json` beside this file is that of one version of timm; `segzoo_timm.refresh` writes it anew. Where another
version is installed, timm is asked once, and its answer kept in the user's cache, in a file named after the version.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("catalogue.json")


@cache
def catalogue() -> Mapping[str, Any]:
    """The catalogue of the installed timm: its version, and by architecture what `segzoo_timm.reading` reads of it."""
    installed = version("timm")
    kept = cached(installed)
    for file in (FILE, kept):
        with suppress(OSError, ValueError, KeyError, TypeError):  # there is none, or it is damaged
            found = json.loads(file.read_text(encoding="utf-8"))
            if found["timm"] == installed:
                return found
    from segzoo_timm.reading import read_catalogue

    found = read_catalogue()
    with suppress(OSError):  # the next process asks timm again
        kept.parent.mkdir(parents=True, exist_ok=True)
        write(kept, found)
    return found


def cached(installed: str) -> Path:
    """Where the catalogue of a version of timm is kept that isn't the shipped one."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "segzoo" / f"timm-{installed}.json"


def write(file: Path, catalogue: Mapping[str, Any]) -> None:
    """One line per architecture, so that a new timm shows as a readable difference.

    :param catalogue: `architectures` come last.
    """
    entries = catalogue["architectures"].items()
    lines = [f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in entries]
    head = json.dumps({**catalogue, "architectures": {}}).removesuffix("}}")
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    partial.write_text(head + "\n" + ",\n".join(lines) + "\n}}\n", encoding="utf-8")
    os.replace(partial, file)
