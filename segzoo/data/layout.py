"""Where images and masks lie in a folder, and which belong together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segzoo.data.reading import PICTURES
from segzoo.errors import DataError

IMAGES = ("images", "image", "imgs", "img", "jpegimages", "rgb", "input", "inputs")
MASKS = ("masks", "mask", "labels", "label", "annotations", "annotation", "gt", "ground_truth", "groundtruth", "target",
         "targets", "segmentation", "segmentationclass")  # fmt: skip
INSTANCES = ("instances", "instance")
SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
SUFFIXES = ("_mask", "_masks", "_label", "_labels", "_gt", "_seg", "_segmentation", "-mask", "-label")
"""What masks' names have more than those of their images."""


@dataclass(frozen=True)
class Pair:
    """An image file and its mask file."""

    image: Path
    mask: Path


@dataclass(frozen=True)
class Paired:
    """The files of one split, by stem.

    :ivar without_mask: images that no mask belongs to.
    :ivar without_image: masks that no image belongs to.
    """

    pairs: Mapping[str, Pair]
    without_mask: Sequence[Path]
    without_image: Sequence[Path]


def find_folders(root: Path) -> dict[str, tuple[Path, Path]]:
    """The folders of images and masks of each split, of all under `"all"` where there are no splits; empty if none.

    `images/` beside `masks/` (or other words for them); each may hold `train/` and `val/`, or be held by them. Where
    both lie in one folder, the masks' names end in `_mask` or the like.
    """
    if beside := _beside(root):
        images, masks = beside
        inside = {
            split: (image, mask)
            for split, words in SPLITS.items()
            if (image := _child(images, words)) and (mask := _child(masks, words))
        }
        return inside or {"all": beside}
    around = {split: found for split, words in SPLITS.items() if (held := _child(root, words)) and (found := _of(held))}
    if around:
        return around
    return {"all": (root, root)} if _holds_both(root) else {}


def find_instances(root: Path, masks: Path) -> Path | None:
    """The folder of maps of objects that belongs to one of masks, as `find_folders` has it; None if there is none.

    `instances/` beside it, or the folder of its split in one that is beside the masks of all splits.
    """
    if masks == root:
        return None
    beside = _child(masks.parent, INSTANCES)
    if beside is None and masks.parent != root and (held := _child(masks.parent.parent, INSTANCES)):
        words = next((words for words in SPLITS.values() if masks.name.lower() in words), ())
        return _child(held, words)
    return beside


def find_named_folders(root: Path, images: str, masks: str) -> dict[str, tuple[Path, Path]]:
    """The same for folders of other names.

    :param images: where images lie in the root; `{split}` in it stands for `train`, `val` and the like, as they are
        called there.
    :param masks: where masks lie, likewise.
    """
    if "{split}" not in images + masks:
        named = root / images, root / masks
        return {"all": named} if all(each.is_dir() for each in named) else {}
    found: dict[str, tuple[Path, Path]] = {}
    for split, words in SPLITS.items():
        for word in words:
            named = root / images.replace("{split}", word), root / masks.replace("{split}", word)
            if split not in found and all(each.is_dir() for each in named):
                found[split] = named
    return found


def pair(images: Path, masks: Path) -> Paired:
    """Pair the files of two folders, or of one, by their paths without ending and without what marks a mask.

    :raises DataError: when two images, or two masks, are called the same.
    """
    if images == masks:
        files = list(_files(images))
        marked = {each for each in files if _unmarked(each.stem) != each.stem}
        image_files = _by_key((_key(each, images), each) for each in files if each not in marked)
        mask_files = _by_key((_unmarked(_key(each, masks)), each) for each in files if each in marked)
    else:
        image_files = _by_key((_key(each, images), each) for each in _files(images))
        mask_files = _by_key((_key(each, masks), each) for each in _files(masks))
        if not mask_files.keys() & image_files.keys():
            mask_files = _by_key((_unmarked(key), each) for key, each in mask_files.items())
            image_files = _by_key((key.removesuffix("_image"), each) for key, each in image_files.items())
    return Paired(
        {key: Pair(image_files[key], mask_files[key]) for key in sorted(image_files.keys() & mask_files.keys())},
        [image_files[key] for key in sorted(image_files.keys() - mask_files.keys())],
        [mask_files[key] for key in sorted(mask_files.keys() - image_files.keys())],
    )


def _of(root: Path) -> tuple[Path, Path] | None:
    return _beside(root) or ((root, root) if _holds_both(root) else None)


def _beside(root: Path) -> tuple[Path, Path] | None:
    images, masks = _child(root, IMAGES), _child(root, MASKS)
    return (images, masks) if images and masks else None


def _child(folder: Path, words: Sequence[str]) -> Path | None:
    """The subfolder of one of these names, in whatever case, the first that is there."""
    if not folder.is_dir():
        return None
    there = {each.name.lower(): each for each in folder.iterdir() if each.is_dir()}
    return next((there[word] for word in words if word in there), None)


def _holds_both(folder: Path) -> bool:
    stems = {each.stem for each in folder.iterdir() if _is_picture(each)} if folder.is_dir() else set()
    return any(_unmarked(stem) != stem and _unmarked(stem) in stems for stem in stems)


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(each for each in folder.rglob("*") if _is_picture(each))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES and not path.name.startswith(".") and path.is_file()


def _by_key(files: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for key, file in files:
        if key in found:
            raise DataError(f"{found[key]} and {file.name} are called the same, {key}; take one of the two away")
        found[key] = file
    return found


def _key(file: Path, folder: Path) -> str:
    return file.relative_to(folder).with_suffix("").as_posix()


def _unmarked(stem: str) -> str:
    return next((stem[: -len(suffix)] for suffix in SUFFIXES if stem.lower().endswith(suffix)), stem)
