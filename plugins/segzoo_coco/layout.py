"""Where COCO's JSON lies, and the images that it lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from segzoo import DataError
from segzoo_coco.annotations import Annotations, is_annotations

SPLIT = re.compile(r"(?<![a-z])(train|val|test)", re.IGNORECASE)
KINDS = ("instances", "panoptic", "stuff")
WITHOUT_MASKS = ("captions", "person_keypoints", "image_info")
EXPORTED = "_annotations"
TRIED = 20  # images of a list, of which some may be missing


@dataclass(frozen=True)
class Images:
    """The folder of images of one file of annotations.

    :param flat: whether the names are taken without the folders that the list has before them.
    """

    folder: Path
    flat: bool

    def __getitem__(self, name: str) -> Path:
        return self.folder / (Path(name).name if self.flat else name)


def find_files(path: Path) -> dict[str, list[Path]]:
    """The files of annotations of each split; under `"all"` those whose names don't tell.

    :param path: a folder, in which they lie, or in its `annotations/`, or beside the images of each split; or one file.
    """
    if path.is_file():
        return {"all": [path]} if path.suffix == ".json" and is_annotations(path) else {}
    found: dict[str, list[Path]] = {}
    for pattern in ("*.json", "annotations/*.json", f"*/{EXPORTED}*.json"):
        for file in sorted(path.glob(pattern)):
            if file.name.startswith((*KINDS, EXPORTED)) or (
                not file.name.startswith(WITHOUT_MASKS) and is_annotations(file)
            ):
                told = SPLIT.search(file.parent.name if pattern.startswith("*/") else file.stem)
                found.setdefault(told[1].lower() if told else "all", []).append(file)
    return found


def choose(files: Sequence[Path], kind: str | None) -> Path:
    """One of the files of a split.

    :param kind: what its name begins with; if None instances are taken rather than panoptic segments, these than stuff.
    :raises DataError: for none of the kind, or several.
    """
    for each in KINDS if kind is None else (kind,):
        of_kind = [file for file in files if kind_of(file) == each]
        if len(of_kind) > 1:
            names = ", ".join(file.name for file in of_kind)
            raise DataError(f"{names} are for one split; give the one that is meant as the path")
        if of_kind:
            return of_kind[0]
    raise DataError(f"there is no file of {kind} beside {files[0]}; put it there, or ask for another kind")


def find_images(annotations: Annotations, split: str, folder: Path | None = None) -> Images:
    """Where the images lie that a file of annotations lists: beside it, or in the folder that is called as its split.

    :param folder: the only one where they may lie.
    :raises DataError: when they lie in none.
    """
    places = [folder] if folder else list(dict.fromkeys(_places(annotations.file, split)))
    names = list(annotations.images)[:TRIED]
    for place in places:
        for flat in (False, True):
            images = Images(place, flat)
            if any(images[name].is_file() for name in names):
                return images
    raise DataError(
        f"there are no images as {annotations.file} lists them, such as {names[0]!r}: looked in "
        f"{', '.join(map(str, places))}; give their folder as the option images"
        if names
        else f"{annotations.file} lists no images"
    )


def kind_of(file: Path) -> str:
    """Instances, where the name doesn't tell."""
    return next((kind for kind in KINDS if file.name.startswith(kind)), KINDS[0])


def _places(file: Path, split: str) -> Iterator[Path]:
    year = file.stem.rpartition("_")[2]  # instances_train2017
    roots = [file.parent, file.parent.parent] if file.parent.name == "annotations" else [file.parent]
    for root in roots:
        for place in (root, root / "images"):
            yield from (place / year, place / split, place)
