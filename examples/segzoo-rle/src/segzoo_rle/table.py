"""The table: which classes an image has, and where."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from segzoo import DataError

RUNS, CLASS = "EncodedPixels", "ClassId"
NOTHING = ("", "-1", "nan")
"""What stands for no pixels."""
ONLY = "object"
"""The class, where a table tells none apart."""


@dataclass(frozen=True)
class Table:
    """What was read.

    :param classes: their names, in order, background not counted.
    :param images: by the name of its file, the runs of each image with the name of their class.
    """

    classes: tuple[str, ...]
    images: dict[str, list[tuple[str, str]]]


def is_table(file: Path) -> bool:
    """Whether the first line of a file has a column of runs."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return RUNS in next(csv.reader(lines), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def find_table(folder: Path) -> Path | None:
    """The table of the training images: the only one there is, or the only one whose name begins with `train`."""
    tables = [file for file in sorted(folder.glob("*.csv")) if is_table(file)]
    of_training = [file for file in tables if file.name.startswith("train")]
    (found,) = of_training if len(of_training) == 1 else tables if len(tables) == 1 else (None,)
    return found


def read_table(file: Path) -> Table:
    """Read all rows.

    :raises DataError: when it is no such table, or a row isn't whole.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} can't be read as a table: {error}") from error
    if RUNS not in columns or columns[0] in (RUNS, CLASS):
        raise DataError(f"{file} needs the image's name in its first column and {RUNS} in another, got {columns}")
    joined = CLASS not in columns and "_" in columns[0]  # ImageId_ClassId, Image_Label
    images: dict[str, list[tuple[str, str]]] = {}
    classes: set[str] = set()
    for number, row in enumerate(rows, start=2):
        name, runs = row[columns[0]], row[RUNS]
        if not name or runs is None:
            raise DataError(f"row {number} of {file} isn't whole: {dict(row)}")
        name, _, label = name.rpartition("_") if joined else (name, "", row.get(CLASS) or "" if CLASS in row else ONLY)
        if not name or (not label and runs not in NOTHING):
            raise DataError(f"row {number} of {file} names no class")
        found = images.setdefault(name, [])
        if label:
            classes.add(label)
        if runs.strip() not in NOTHING:
            found.append((label, runs))
    if not images:
        raise DataError(f"{file} lists no images")
    numbered = all(label.isdecimal() for label in classes)
    return Table(tuple(sorted(classes, key=int if numbered else str)), images)
