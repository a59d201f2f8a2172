"""The list of classes beside a dataset: names, and colours where masks are coded in these."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from segzoo.errors import DataError, OptionError
from segzoo.labels import Labels

FILES = ("classes.json", "classes.txt", "labels.json", "labels.txt")
THREE = r"(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})"
COLOUR = re.compile(rf"(?:^|(?<=[\s,;:])){THREE}(?=[\s,;:]*$)|^{THREE}(?=[\s,;:])")
"""Three numbers after a name, or before it; the name may end or begin with one."""


def find_classes(folder: Path) -> Path | None:
    """The file that lists a dataset's classes, if there is one."""
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def read_classes(file: Path) -> Labels:
    """Read a list of classes.

    Text has a name on each line, with red, green and blue where masks are coded in colours. JSON is a list of names,
    names by number, or colours by name.

    :raises DataError: when it can't be read, or is neither.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        labels = _from_json(json.loads(text)) if file.suffix == ".json" else _from_text(text)
        labels.check("the list", len(labels.names))
    except (OSError, ValueError, TypeError, KeyError, OptionError) as error:
        raise DataError(
            f"{file} can't be read as a list of classes: {error}; expected a name on each line, with three numbers "
            "from 0 to 255 if masks are coded in colours"
        ) from error
    if not labels.names:
        raise DataError(f"{file} lists no classes; expected a name on each line")
    return labels


def _from_text(text: str) -> Labels:
    names, colours = [], []
    for line in filter(None, (each.partition("#")[0].strip() for each in text.splitlines())):
        if found := COLOUR.search(line):
            red, green, blue = (int(each) for each in found.groups() if each is not None)
            colours.append((red, green, blue))
            line = line.replace(found[0], " ")
        names.append(line.strip(" \t,;:"))
    return Labels(tuple(names), tuple(colours))


def _from_json(content: Any) -> Labels:
    if isinstance(content, list):
        return Labels(tuple(content))
    if not isinstance(content, dict):
        raise TypeError(f"expected a list or an object, got {type(content).__name__}")
    if all(key.isdigit() for key in content):
        if sorted(map(int, content)) != list(range(len(content))):
            raise ValueError(f"expected numbers from 0 to {len(content) - 1}, got {sorted(map(int, content))}")
        return Labels(tuple(content[key] for key in sorted(content, key=int)))
    return Labels(tuple(content), tuple(tuple(each) for each in content.values()))
