"""Cityscapes (arXiv:1604.01685), with the nineteen classes that its benchmark counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from segzoo import IGNORE, DataError, Labels
from segzoo.data import Dataset, Sample, image_size, in_colour, read_image, read_mask, relabel

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
"""The number of each in `labelIds` files, and its colour; their order is that of `labelTrainIds` files."""
IDS = dict.fromkeys((*range(34), 255), IGNORE) | {number: place for place, (number, _) in enumerate(CLASSES.values())}
"""From `labelIds` to classes: fifteen of the 34 aren't counted, and 255 is the licence plate's -1."""
TRAIN_IDS = {255: IGNORE}
IMAGES, ENDING = "leftImg8bit", "_leftImg8bit.png"
FINE, COARSE = "gtFine", "gtCoarse"


class CityscapesDataset(Dataset):
    """`leftImg8bit/SPLIT/CITY/` and `gtFine/SPLIT/CITY/`.

    The masks are `labelIds` files, or `labelTrainIds` where `createTrainIdLabelImgs` has made them. Those of the split
    `test` aren't published, so it is left out.

    :param path: the folder that holds both.
    :param annotations: `"gtCoarse"` trains on coarse masks, those of the split `train_extra` among them, and validates
        on fine ones where these are there; None takes the fine ones if it can.
    """

    def __init__(self, path: Path, *, annotations: Literal["gtFine", "gtCoarse"] | None = None) -> None:
        super().__init__(path)
        there = [each for each in (FINE, COARSE) if (path / each).is_dir()]
        if not there or (annotations and annotations not in there):
            raise DataError(f"{path} has no folder {annotations or FINE}; extract the annotations beside {IMAGES}/")
        training = annotations or there[0]
        self.files: dict[str, tuple[Path, Path]] = {}
        self._splits = {
            "train": self._add(training, "train", *(["train_extra"] if training == COARSE else [])),
            "val": self._add(there[0], "val"),
        }
        if not self.files:
            raise DataError(f"{path / IMAGES} has no images: expected train/CITY/*{ENDING}")
        self.labels = Labels(tuple(CLASSES), tuple(colour for _, colour in CLASSES.values()))
        self.channels = 3

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        beside = next((each for each in (FINE, COARSE) if (path / each).is_dir()), None)
        return f"{IMAGES}/ beside {beside}/" if beside and (path / IMAGES).is_dir() else None

    def splits(self) -> Mapping[str, Sequence[str]]:
        return {split: names for split, names in self._splits.items() if names}

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self.files[name][0])

    def read(self, name: str) -> Sample:
        image, mask = self.files[name]
        table = TRAIN_IDS if mask.stem.endswith("TrainIds") else IDS
        return Sample(in_colour(read_image(image)), relabel(read_mask(mask), table), name)

    def _add(self, annotations: str, *splits: str) -> list[str]:
        """The names of the images in these folders."""
        names = []
        for split in splits:
            ready = {each.name for each in (self.path / annotations / split).glob("*/*_labelTrainIds.png")}
            for image in sorted((self.path / IMAGES / split).glob(f"*/*{ENDING}")):
                name = image.relative_to(self.path / IMAGES).as_posix().removesuffix(ENDING)
                mask = self.path / annotations / f"{name}_{annotations}_labelTrainIds.png"
                if mask.name not in ready:
                    mask = mask.with_name(mask.name.replace("labelTrainIds", "labelIds"))
                self.files[name] = image, mask
                names.append(name)
        return names
