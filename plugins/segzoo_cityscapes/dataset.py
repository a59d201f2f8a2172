"""Cityscapes (arXiv:1604.01685), with the nineteen classes that its benchmark counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

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
THINGS = range(24, 34)
"""The numbers of the classes whose objects are told apart, two among them that aren't counted."""
OBJECTS = (
    dict.fromkeys(range(THINGS[0]), 0)
    | {number: number for number in THINGS}
    | {1000 * number + each: 1000 * number + each for number in THINGS for each in range(1000)}
)
"""From `instanceIds` to objects: a thing's number alone stands for a group of them."""
IMAGES, ENDING = "leftImg8bit", "_leftImg8bit.png"
FINE, COARSE = "gtFine", "gtCoarse"


class CityscapesDataset(Dataset):
    """`leftImg8bit/SPLIT/CITY/` and `gtFine/SPLIT/CITY/`.

    The masks are `labelIds` files, or `labelTrainIds` where `createTrainIdLabelImgs` has made them. Those of the split
    `test` aren't published, so it is left out.

    :param path: the folder that holds both.
    :param annotations: `"gtCoarse"` trains on coarse masks, those of the split `train_extra` among them, and validates
        on fine ones where these are there; None takes the fine ones if it can.
    :param instances: whether objects are told apart, by `instanceIds` files, where there are any. Groups of them are
        crowds.
    """

    def __init__(
        self, path: Path, *, annotations: Literal["gtFine", "gtCoarse"] | None = None, instances: bool = True
    ) -> None:
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
        things = tuple(place for place, (number, _) in enumerate(CLASSES.values()) if number in THINGS)
        self.labels = Labels(tuple(CLASSES), tuple(colour for _, colour in CLASSES.values()), things)
        self.channels = 3
        self.has_instances = instances and self._has_objects()

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
        sample = Sample(in_colour(read_image(image)), relabel(read_mask(mask), table), name)
        if not self.has_instances:
            return sample
        return replace(sample, instances=_read_objects(_objects_file(mask)), crowds=tuple(THINGS))

    def _has_objects(self) -> bool:
        """Whether all masks have their objects beside them; or none."""
        files = [_objects_file(mask) for _, mask in self.files.values()]
        there = {each for folder in {each.parent for each in files} for each in folder.glob("*_instanceIds.png")}
        missing = [each for each in files if each not in there]
        if missing and len(missing) < len(files):
            raise DataError(
                f"{len(missing)} of {len(files)} images have no instanceIds file, such as {missing[0]}; extract the "
                "annotations anew, or leave objects out by the option instances=false"
            )
        return not missing

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


def _objects_file(mask: Path) -> Path:
    """What lies beside a mask for its objects."""
    return mask.with_name(re.sub("label(Train)?Ids", "instanceIds", mask.name))


def _read_objects(file: Path) -> NDArray[np.int64]:
    numbers = read_mask(file)
    objects = relabel(numbers, OBJECTS, default=-1)
    if (objects < 0).any():
        strange = np.unique(numbers[objects < 0])[:5].tolist()
        raise DataError(
            f"{file} has the numbers {strange}; expected those of classes below {THINGS[-1] + 1}, and 1000 times "
            "those of things with an object's number behind; extract it anew"
        )
    return objects
