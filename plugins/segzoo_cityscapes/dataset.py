"""Cityscapes (arXiv:1604.01685), with the nineteen classes that its benchmark counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from segzoo import IGNORE, DataError, Labels
from segzoo.data import Dataset, Sample, image_size, read_image, read_mask, relabel

CLASSES = {
    "road": (7, (128, 64, 128)),
    "sidewalk": (8, (244, 35, 232)),
    "building": (11, (70, 70, 70)),
    "wall": (12, (102, 102, 156)),
    "fence": (13, (190, 153, 153)),
    "pole": (17, (153, 153, 153)),
    "traffic light": (19, (250, 170, 30)),
    "traffic sign": (20, (220, 220, 0)),
    "vegetation": (21, (107, 142, 35)),
    "terrain": (22, (152, 251, 152)),
    "sky": (23, (70, 130, 180)),
    "person": (24, (220, 20, 60)),
    "rider": (25, (255, 0, 0)),
    "car": (26, (0, 0, 142)),
    "truck": (27, (0, 0, 70)),
    "bus": (28, (0, 60, 100)),
    "train": (31, (0, 80, 100)),
    "motorcycle": (32, (0, 0, 230)),
    "bicycle": (33, (119, 11, 32)),
}
"""The number of each in `labelIds` files, and its colour; their order is that of the benchmark's training ids."""
TRAIN_IDS = {number: place for place, (number, _) in enumerate(CLASSES.values())}
IMAGES, ENDING = "leftImg8bit", "_leftImg8bit.png"


class CityscapesDataset(Dataset):
    """`leftImg8bit/SPLIT/CITY/` and `gtFine/SPLIT/CITY/`.

    :param path: the folder that holds both.
    :param annotations: `"gtFine"`, or `"gtCoarse"`, whose split `train_extra` is trained on as well.
    """

    def __init__(self, path: Path, *, annotations: Literal["gtFine", "gtCoarse"] = "gtFine") -> None:
        super().__init__(path)
        self.annotations = annotations
        if not (path / annotations).is_dir():
            raise DataError(f"{path} has no folder {annotations}; extract the annotations beside {IMAGES}/")
        self.labels = Labels(tuple(CLASSES), tuple(colour for _, colour in CLASSES.values()))
        self.channels = 3

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        both = (path / IMAGES).is_dir() and ((path / "gtFine").is_dir() or (path / "gtCoarse").is_dir())
        return f"{IMAGES}/ beside the annotations" if both else None

    def splits(self) -> Mapping[str, Sequence[str]]:
        found = {}
        for split, folders in {"train": ("train", "train_extra"), "val": ("val",)}.items():
            names = [
                image.relative_to(self.path / IMAGES).as_posix().removesuffix(ENDING)
                for folder in folders
                for image in sorted((self.path / IMAGES / folder).glob(f"*/*{ENDING}"))
            ]
            if names:
                found[split] = names
        if not found:
            raise DataError(f"{self.path / IMAGES} has no images: expected train/CITY/*{ENDING}")
        return found

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self._image(name))

    def read(self, name: str) -> Sample:
        stem = self.path / self.annotations / f"{name}_{self.annotations}"
        ready = stem.with_name(f"{stem.name}_labelTrainIds.png")
        if ready.is_file():
            mask = relabel(read_mask(ready), {255: IGNORE})
        else:
            mask = relabel(read_mask(stem.with_name(f"{stem.name}_labelIds.png")), TRAIN_IDS, default=IGNORE)
        return Sample(read_image(self._image(name)), mask, name)

    def _image(self, name: str) -> Path:
        return self.path / IMAGES / f"{name}{ENDING}"
