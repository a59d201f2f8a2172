"""COCO (arXiv:1405.0312) and panoptic COCO (arXiv:1801.00868): masks painted from instances or segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo import IGNORE, DataError, Labels, MissingExtraError
from segzoo.data import Dataset, Sample, read_image, read_mask
from segzoo_coco.annotations import Annotations, Image, is_annotations, read_annotations

SPLITS = {"train": ("train",), "val": ("val",), "test": ("test",)}
BACKGROUND = "background"


class CocoDataset(Dataset):
    """A folder with COCO's JSON: `annotations/instances_train2017.json` and the like, or one in each folder of images.

    Instances are painted over a background, large ones first, and crowds belong to no class. Of a panoptic file the
    categories of its segments are the classes, and what no segment covers belongs to none.

    :param path: the folder, or one JSON file.
    :param panoptic: whether panoptic files are taken where both kinds are there.
    """

    def __init__(self, path: Path, *, panoptic: bool = False) -> None:
        super().__init__(path)
        files = {split: file for split, file in _files(path).items() if file is not None}
        if not files:
            raise DataError(f"{path} has no JSON file with COCO's images, annotations and categories")
        kinds = {split: _choose(found, panoptic) for split, found in files.items()}
        self.annotations = {split: read_annotations(file) for split, file in kinds.items()}
        first = next(iter(self.annotations.values()))
        for each in self.annotations.values():
            if each.categories != first.categories or each.panoptic != first.panoptic:
                raise DataError(f"{each.file} and {first.file} have other categories; expected the same in each")
        self.panoptic = first.panoptic
        numbers = sorted(first.categories)
        shift = 0 if self.panoptic else 1
        self.place = {number: place + shift for place, number in enumerate(numbers)}
        names = [first.categories[number] for number in numbers]
        self.labels = Labels(tuple(names if self.panoptic else [BACKGROUND, *names]))
        self.channels = 3
        self.split_of = {
            f"{split}/{name}": (split, name) for split, each in self.annotations.items() for name in each.images
        }

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        files = [file for found in _files(path).values() for file in found]
        return f"COCO's JSON in {files[0].name}" if files else None

    def splits(self) -> Mapping[str, Sequence[str]]:
        return {split: [f"{split}/{name}" for name in each.images] for split, each in self.annotations.items()}

    def size(self, name: str) -> tuple[int, int]:
        image = self.image(name)
        return image.height, image.width

    def read(self, name: str) -> Sample:
        split, _ = self.split_of[name]
        annotations, image = self.annotations[split], self.image(name)
        picture = read_image(_find(annotations, image.file, self.path))
        if picture.shape[2] == 1:  # a few of COCO's are grey
            picture = picture.repeat(3, axis=2)
        mask = self._segments(annotations, image) if self.panoptic else self._instances(annotations, image)
        return Sample(picture, mask, name)

    def image(self, name: str) -> Image:
        """What is annotated of a sample: instances, or segments."""
        split, file = self.split_of[name]
        return self.annotations[split].images[file]

    def _segments(self, annotations: Annotations, image: Image) -> NDArray[np.int64]:
        file = annotations.file.with_suffix("") / image.mask
        colours = read_mask(file if file.is_file() else annotations.file.parent / image.mask).astype(np.int64)
        if colours.ndim != 3:
            raise DataError(
                f"{file}: expected a picture whose colours are segments' numbers, got shape {colours.shape}"
            )
        numbers = colours[..., 0] + 256 * colours[..., 1] + 65536 * colours[..., 2]
        mask = np.full(numbers.shape, IGNORE, np.int64)
        for segment in image.segments:
            if not segment.get("iscrowd", 0):
                mask[numbers == segment["id"]] = self._place(segment, annotations)
        return mask

    def _instances(self, annotations: Annotations, image: Image) -> NDArray[np.int64]:
        mask = np.zeros((image.height, image.width), np.int64)
        for instance in sorted(image.segments, key=lambda each: -each.get("area", 0)):
            inside = _inside(instance, image, annotations.file)
            mask[inside] = IGNORE if instance.get("iscrowd", 0) else self._place(instance, annotations)
        return mask

    def _place(self, segment: Mapping[str, Any], annotations: Annotations) -> int:
        number = segment.get("category_id")
        if number not in self.place:
            raise DataError(
                f"{annotations.file}: an annotation has category {number!r}, which isn't among the categories"
            )
        return self.place[number]


def _inside(instance: Mapping[str, Any], image: Image, file: Path) -> NDArray[np.bool_]:
    """The pixels of an instance: polygons or run lengths."""
    try:
        from pycocotools import mask as masks
    except ImportError as error:
        raise MissingExtraError(f'COCO needs pycocotools ({error}): pip install "segzoo-torch[coco]"') from error

    shape = instance.get("segmentation")
    try:
        if not shape:
            return np.zeros((image.height, image.width), bool)
        if isinstance(shape, list):
            runs = masks.merge(masks.frPyObjects(shape, image.height, image.width))
        elif isinstance(shape["counts"], list):
            runs = masks.frPyObjects(shape, image.height, image.width)
        else:
            runs = shape
        return masks.decode(runs).astype(bool)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise DataError(
            f"{file}: the segmentation of annotation {instance.get('id')!r} can't be read: {error}"
        ) from error


def _files(path: Path) -> dict[str, list[Path]]:
    """The files of annotations of each split; all under `"all"` where their names don't tell."""
    if path.is_file():
        return {"all": [path]} if path.suffix == ".json" and is_annotations(path) else {}
    if not path.is_dir():
        return {}
    found: dict[str, list[Path]] = {}
    for file in sorted([*path.glob("*.json"), *path.glob("annotations/*.json"), *path.glob("*/_annotations*.json")]):
        if is_annotations(file):
            told = file.name.lower() if not file.name.startswith("_") else file.parent.name.lower()
            split = next((split for split in ("train", "val", "test") if split in told), "all")
            found.setdefault(split, []).append(file)
    return found


def _choose(files: Sequence[Path], panoptic: bool) -> Path:
    """One of the files of a split: COCO has captions and key points beside its masks."""
    of_kind = [file for file in files if ("panoptic" in file.name) == panoptic]
    plain = [
        file for file in of_kind or files if not file.name.startswith(("captions", "person_keypoints", "image_info"))
    ]
    chosen = plain or list(files)
    if len(chosen) > 1:
        names = ", ".join(file.name for file in chosen)
        raise DataError(f"several files of annotations for one split ({names}); give the one that is meant as the path")
    return chosen[0]


def _find(annotations: Annotations, file: str, root: Path) -> Path:
    """An image of a file of annotations: beside it, or in the folder that COCO has for its split."""
    base = annotations.file.parent
    year = annotations.file.stem.rpartition("_")[2]
    places = [
        base,
        base.parent,
        base.parent / year,
        base.parent / "images" / year,
        base.parent / "images",
        base / "images",
    ]
    if root.is_dir():
        places.append(root / year)
    for place in places:
        if (place / file).is_file():
            return place / file
    raise DataError(
        f"there is no image {file}, which {annotations.file} lists; looked in {', '.join(map(str, places))}"
    )
