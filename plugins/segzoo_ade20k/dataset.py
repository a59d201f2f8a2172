"""ADE20K's scene parsing benchmark (arXiv:1608.05442), as `ADEChallengeData2016` holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from segzoo import IGNORE, DataError, Labels
from segzoo.data import Dataset, Sample, image_size, read_image, read_mask

CLASSES = 150
TABLE = "objectInfo150.txt"
FOLDERS = {"train": "training", "val": "validation"}


class ADE20KDataset(Dataset):
    """`images/training`, `annotations/training` and the same for `validation`; 0 in a mask is no class.

    :param path: the folder `ADEChallengeData2016`, or the one above it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        root = _root(path)
        if root is None:
            raise DataError(f"{path} has no {TABLE} beside images/ and annotations/; give the folder that has")
        self.root = root
        self.labels = Labels(_names(root / TABLE))
        self.channels = 3

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        root = _root(path)
        return None if root is None else f"{TABLE} beside images/ and annotations/"

    def splits(self) -> Mapping[str, Sequence[str]]:
        found = {
            split: [f"{folder}/{each.stem}" for each in sorted((self.root / "images" / folder).glob("*.jpg"))]
            for split, folder in FOLDERS.items()
        }
        if not any(found.values()):
            raise DataError(f"{self.root / 'images'} has no images: expected training/*.jpg and validation/*.jpg")
        return {split: names for split, names in found.items() if names}

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self.root / "images" / f"{name}.jpg")

    def read(self, name: str) -> Sample:
        mask = read_mask(self.root / "annotations" / f"{name}.png").astype(np.int64)
        return Sample(read_image(self.root / "images" / f"{name}.jpg"), np.where(mask == 0, IGNORE, mask - 1), name)


def _root(path: Path) -> Path | None:
    for root in (path, path / "ADEChallengeData2016"):
        if all((root / each).exists() for each in (TABLE, "images", "annotations")):
            return root
    return None


def _names(table: Path) -> tuple[str, ...]:
    """The first name of each class; the table has the names in its last column."""
    try:
        lines = table.read_text(encoding="utf-8").splitlines()[1:]
        names = tuple(line.split("\t")[-1].split(",")[0].strip() for line in lines if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table} can't be read: {error}; it comes with the data") from error
    if len(names) != CLASSES or not all(names):
        raise DataError(
            f"{table} names {len(names)} classes, expected {CLASSES}; take the file that comes with the data"
        )
    return names
