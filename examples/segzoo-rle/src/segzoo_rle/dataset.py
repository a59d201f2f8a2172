"""Images in a folder, and their masks as run lengths in a CSV table beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from segzoo import DataError, Labels
from segzoo.data import PICTURES, Dataset, Sample, image_size, in_colour, read_image

from segzoo_rle.runs import decode
from segzoo_rle.table import RUNS, find_table, read_table


class RLEDataset(Dataset):
    """A table with a column `EncodedPixels`, and a folder of images. Where classes overlap, the later row is on top.

    :param path: the folder that both lie in.
    :param table: the name of the CSV file; found out if None.
    :param images: the name of the folder with the images; found out if None.
    :param unlisted: whether images that the table doesn't list are background, rather than left out.
    """

    def __init__(
        self, path: Path, *, table: str | None = None, images: str | None = None, unlisted: bool = False
    ) -> None:
        super().__init__(path)
        file = path / table if table else find_table(path)
        if file is None:
            raise DataError(f"{path} has no CSV file with a column {RUNS}, or several; say which by the option table")
        read = read_table(file)
        self.images = path / images if images else _folder_with(next(iter(read.images)), path)
        if not self.images.is_dir():
            raise DataError(f"there is no folder {self.images}; say where the images are by the option images")
        self.masks = read.images
        self.numbers = {name: number for number, name in enumerate(read.classes, start=1)}
        self.labels = Labels(("background", *read.classes))
        self.channels = 3
        others = (each.name for each in self.images.iterdir() if unlisted and each.suffix.lower() in PICTURES)
        self.names = sorted({*self.masks, *others})

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        table = find_table(path) if path.is_dir() else None
        return f"run lengths in {table.name}" if table else None

    def splits(self) -> Mapping[str, Sequence[str]]:
        return {"all": self.names}

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self.images / name)

    def read(self, name: str) -> Sample:
        image = in_colour(read_image(self.images / name))
        mask = np.zeros(image.shape[:2], np.int64)
        for label, runs in self.masks.get(name, ()):
            try:
                mask[decode(runs, *mask.shape)] = self.numbers[label]
            except ValueError as error:
                raise DataError(f"the {RUNS} of {name}, class {label}, can't be used: {error}") from error
        return Sample(image, mask, name)


def _folder_with(name: str, path: Path) -> Path:
    found = [folder for folder in sorted(path.iterdir()) if (folder / name).is_file()]
    if len(found) != 1:
        raise DataError(
            f"{path} has {len(found)} folders with {name}, the table's first image; say which by the option images"
        )
    return found[0]
