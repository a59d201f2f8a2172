"""Pascal VOC 2012 (Everingham et al., https://host.robots.ox.ac.uk/pascal/VOC/), and sets in its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from segzoo import IGNORE, DataError, Labels
from segzoo.data import Dataset, Sample, image_size, read_image, read_mask, relabel

NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table",
    "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip
LISTS = Path("ImageSets", "Segmentation")
BORDER = 255
SPLITS = ("train", "val", "test")


class VOCDataset(Dataset):
    """`JPEGImages/`, masks in `SegmentationClass/`, and `ImageSets/Segmentation/train.txt` and `val.txt`.

    :param path: the folder of one year, such as `VOCdevkit/VOC2012`, or the one above it.
    :param masks: the folder of masks; `"SegmentationClassAug"` for those of SBD, whose lists are `train_aug.txt` or
        `trainaug.txt`.
    """

    def __init__(self, path: Path, *, masks: str = "SegmentationClass") -> None:
        super().__init__(path)
        root = _root(path)
        if root is None:
            raise DataError(f"{path} has no {LISTS.as_posix()}/train.txt; give the folder that is called VOC2012")
        self.root = root
        self.masks = root / masks
        if not self.masks.is_dir():
            raise DataError(f"{root} has no folder {masks}; extract the masks there")
        self.labels = Labels(NAMES, palette(len(NAMES)))
        self.channels = 3

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        root = _root(path)
        return None if root is None else f"the lists in {(root / LISTS).relative_to(path).as_posix()}/"

    def splits(self) -> Mapping[str, Sequence[str]]:
        found = {split: _names(file) for split in SPLITS if (file := self._list(split)) is not None}
        if not found:
            raise DataError(f"{self.root / LISTS} lists no samples: expected train.txt and val.txt")
        return {split: names for split, names in found.items() if split != "test" or self._has_mask(names)}

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self.root / "JPEGImages" / f"{name}.jpg")

    def read(self, name: str) -> Sample:
        image = read_image(self.root / "JPEGImages" / f"{name}.jpg")
        mask = read_mask(self.masks / f"{name}.png")
        return Sample(image, relabel(mask, {BORDER: IGNORE}), name)

    def _list(self, split: str) -> Path | None:
        names = [f"{split}.txt"]
        if split == "train" and self.masks.name.endswith("Aug"):
            names = ["train_aug.txt", "trainaug.txt", *names]
        return next((file for name in names if (file := self.root / LISTS / name).is_file()), None)

    def _has_mask(self, names: Sequence[str]) -> bool:
        """The test set's masks aren't published."""
        return any((self.masks / f"{name}.png").is_file() for name in names[:1])


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


def _root(path: Path) -> Path | None:
    """The folder of a year: this one, or the only one in it."""
    if (path / LISTS / "train.txt").is_file():
        return path
    inside = [each.parents[2] for each in path.glob(f"VOC*/{LISTS.as_posix()}/train.txt")] if path.is_dir() else []
    return inside[0] if len(inside) == 1 else None


def _names(file: Path) -> list[str]:
    try:
        return [line.split()[0] for line in file.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} can't be read as a list of samples: {error}") from error
