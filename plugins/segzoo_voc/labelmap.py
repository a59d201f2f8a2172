"""The classes of a set in VOC's layout that isn't VOC: `labelmap.txt`, as CVAT and Datumaro write it."""

from __future__ import annotations

from pathlib import Path

from segzoo import DataError, Labels, OptionError

FILE = "labelmap.txt"


def read_labelmap(file: Path) -> Labels:
    """Names and colours: `road:128,64,128::` on each line, and nothing that counts after the second colon.

    :raises DataError: when it can't be read.
    """
    try:
        lines = [line.split(":") for line in file.read_text(encoding="utf-8").splitlines() if line.strip("# ")]
        lines = [each for each in lines if not each[0].startswith("#")]
        colours = [tuple(map(int, each[1].split(","))) for each in lines]
        return Labels(tuple(each[0] for each in lines), tuple((red, green, blue) for red, green, blue in colours))
    except (OSError, ValueError, IndexError, OptionError) as error:
        raise DataError(
            f"{file} can't be read as a list of classes: {error}; expected lines such as road:128,64,128::"
        ) from error
