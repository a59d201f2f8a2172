"""ADE20K's scene parsing benchmark (arXiv:1608.05442), as `ADEChallengeData2016` holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from segzoo import IGNORE, DataError, Labels
from segzoo.data import Dataset, Sample, image_size, in_colour, read_image, read_mask
from segzoo_ade20k.classes import CLASSES

TABLE = "objectInfo150.txt"
IMAGES, MASKS = "images", "annotations"
FOLDERS = {"train": "training", "val": "validation"}


class ADE20KDataset(Dataset):
    """`images/training`, `annotations/training` and the same for `validation`; 0 in a mask is no class.

    :param path: the folder `ADEChallengeData2016`, or the one above it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.root = _root(path)
        self._splits = {
            split: [f"{folder}/{each.stem}" for each in sorted((self.root / IMAGES / folder).glob("*.jpg"))]
            for split, folder in FOLDERS.items()
        }
        for split, folder in FOLDERS.items():
            if not self._splits[split]:
                raise DataError(f"{self.root / IMAGES / folder} has no images; give the folder ADEChallengeData2016")
        self.labels = Labels(tuple(CLASSES), tuple(CLASSES.values()))
        self.channels = 3

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        root = _root(path)
        if not ((root / IMAGES).is_dir() and (root / MASKS).is_dir()):
            return None
        if (root / TABLE).is_file():
            return f"{TABLE} beside {IMAGES}/ and {MASKS}/"
        named = next((root / MASKS).glob("training/ADE_train_*.png"), None)
        return f"masks such as {named.name}" if named else None

    def splits(self) -> Mapping[str, Sequence[str]]:
        return self._splits

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self.root / IMAGES / f"{name}.jpg")

    def read(self, name: str) -> Sample:
        image = read_image(self.root / IMAGES / f"{name}.jpg")
        mask = read_mask(self.root / MASKS / f"{name}.png").astype(np.int64)
        return Sample(in_colour(image), np.where(mask == 0, IGNORE, mask - 1), name)


def _root(path: Path) -> Path:
    inside = path / "ADEChallengeData2016"
    return inside if inside.is_dir() else path
