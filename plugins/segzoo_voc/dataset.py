"""Pascal VOC 2012 (Everingham et al., https://host.robots.ox.ac.uk/pascal/VOC/), and sets in its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo import IGNORE, DataError, Labels
from segzoo.data import Dataset, Sample, encode_colours, image_size, in_colour, read_image, read_mask, relabel
from segzoo_voc.labelmap import FILE, read_labelmap

NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
IMAGES, LISTS = "JPEGImages", Path("ImageSets", "Segmentation")
MASKS, AUGMENTED = "SegmentationClass", "SegmentationClassAug"
TOGETHER = ("trainaug.txt", "train_aug.txt")
"""What people call the list of VOC's training images and SBD's in one."""
BORDER, BORDER_COLOUR = 255, (224, 224, 192)


class VOCDataset(Dataset):
    """`JPEGImages/`, masks in `SegmentationClass/`, and `ImageSets/Segmentation/train.txt`, `val.txt`, `trainval.txt`.

    Where there is a `labelmap.txt`, as CVAT exports it, it names the classes, and masks are coded in its colours.

    :param path: the folder of one year, such as `VOCdevkit/VOC2012`, or the one above it.
    :param augmented: whether the images of SBD (Hariharan et al., ICCV 2011) are trained on as well: their masks are in
        `SegmentationClassAug/`, and `trainaug.txt` or `train_aug.txt` lists all, or `aug.txt` what VOC hasn't.
    """

    def __init__(self, path: Path, *, augmented: bool = False) -> None:
        super().__init__(path)
        self.root = _root(path)
        self.folders = [MASKS, AUGMENTED] if augmented else [MASKS]
        for folder in (IMAGES, *self.folders):
            if not (self.root / folder).is_dir():
                raise DataError(f"{self.root} has no folder {folder}/; give the folder that is called VOC2012")
        self._splits = self._lists()
        if augmented:
            self._splits["train"] = self._with_sbd(self._splits.get("train", []))
        named = self.root / FILE
        self.labels = read_labelmap(named) if named.is_file() else Labels(NAMES, palette(len(NAMES)))
        self.channels = 3

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        root = _root(path)
        if not all((root / each).is_dir() for each in (IMAGES, LISTS)):
            return None
        return f"{IMAGES}/ and the lists in {LISTS.as_posix()}/"

    def splits(self) -> Mapping[str, Sequence[str]]:
        return self._splits

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self._image(name))

    def read(self, name: str) -> Sample:
        image = in_colour(read_image(self._image(name)))
        files = [self.root / folder / f"{name}.png" for folder in self.folders]
        file = next((file for file in files if file.is_file()), files[-1])
        mask = read_mask(file)
        return Sample(image, self._decoded(mask, file) if mask.ndim == 3 else relabel(mask, {BORDER: IGNORE}), name)

    def _image(self, name: str) -> Path:
        return self.root / IMAGES / f"{name}.jpg"

    def _lists(self) -> dict[str, list[str]]:
        """The names of each split; CVAT lists what isn't split as `default`."""
        folder = self.root / LISTS
        if (unsplit := folder / "default.txt").is_file() and not (folder / "train.txt").is_file():
            return {"all": _names(unsplit)}
        lists = {split: _names(folder / f"{split}.txt") for split in ("train", "val")}
        together = folder / "trainval.txt"
        return lists | ({"trainval": _names(together)} if together.is_file() else {})

    def _decoded(self, mask: NDArray[Any], file: Path) -> NDArray[np.int64]:
        """The classes of colours."""
        colours = np.array([*self.labels.palette, BORDER_COLOUR], np.uint8)
        classes = [*range(len(self.labels.palette)), IGNORE]
        table = dict(zip(encode_colours(colours[None])[0].tolist(), classes, strict=True))
        decoded = relabel(encode_colours(mask), table, default=-1)
        if (strange := mask[decoded == -1]).size:
            raise DataError(
                f"{file} has colours that no class has, such as {tuple(strange[0].tolist())}; list them in {FILE}"
            )
        return decoded

    def _with_sbd(self, train: Sequence[str]) -> list[str]:
        for name in TOGETHER:
            if (file := self.root / LISTS / name).is_file():
                return _names(file)
        if not (file := self.root / LISTS / "aug.txt").is_file():
            raise DataError(f"{file.parent} has none of {', '.join(TOGETHER)} and aug.txt, which list SBD's images")
        return list(dict.fromkeys([*train, *_names(file)]))


def palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """VOC's colours: the bits of a class's number, dealt out to red, green and blue from the highest on.

    >>> palette(3)
    ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    """
    colours = []
    for number in range(count):
        channels = [0, 0, 0]
        for place in range(8):
            for channel in range(3):
                channels[channel] |= (number >> (3 * place + channel) & 1) << (7 - place)
        colours.append((channels[0], channels[1], channels[2]))
    return tuple(colours)


def _root(path: Path) -> Path:
    """The folder of a year: this one, or the latest in it."""
    if (path / IMAGES).is_dir():
        return path
    inside = [each for pattern in ("VOC2*", "VOCdevkit/VOC2*") for each in path.glob(f"{pattern}/{MASKS}")]
    return max(inside).parent if inside else path


def _names(file: Path) -> list[str]:
    try:
        names = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{file} can't be read as a list of samples: {error}; expected a name without ending on each line"
        ) from error
    if not names:
        raise DataError(f"{file} lists no samples")
    return names
