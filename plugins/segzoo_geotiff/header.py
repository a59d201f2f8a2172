"""What a TIFF file's header says, read without rasterio: which form a folder is of is asked before it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

GEOREFERENCE = (33550, 33922, 34264, 34735)
"""Tags of a place on the ground: pixel scale, tie points, transformation, keys."""
SAMPLES = 277
"""The tag of the number of bands."""
BIG = (b"+\0", b"\0+")
"""Where the version is 43, of either byte order, the file is a BigTIFF, with a longer header."""


def is_georeferenced(file: Path) -> bool:
    """Whether it says where on the ground it lies."""
    tags = _tags(file)
    return any(each in tags for each in GEOREFERENCE)


def bands(file: Path) -> int:
    """How many it has; 0 if it can't be read."""
    tags = _tags(file)
    return int(tags.get(SAMPLES, 1)) if tags else 0


def _tags(file: Path) -> dict[int, Any]:
    """Those of its first picture; none if it can't be read."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    try:
        with file.open("rb") as opened:
            header = opened.read(8)
            if header[2:4] in BIG:
                header += opened.read(8)
            directory = ImageFileDirectory_v2(header)
            opened.seek(directory.next)
            directory.load(opened)
            return dict(directory)
    except Exception:  # whatever a broken file makes Pillow raise: it is no such file then
        return {}
