"""Images and masks in folders, paired by stem: what most people have."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le, Len
from numpy.typing import NDArray
from tqdm import tqdm

from segzoo import IGNORE, DataError, DataWarning, Labels, OptionError
from segzoo.data import (
    Dataset,
    Pair,
    Sample,
    encode_colours,
    find_classes,
    find_folders,
    find_instances,
    find_named_folders,
    image_size,
    pair,
    read_classes,
    read_image,
    read_mask,
    read_palette,
    relabel,
)
from segzoo_folder.objects import find_objects, listed_things, read_objects, seen_things

NAMED = 5  # files that an error names
MANY = 255  # values that a mask without a list of classes has at most
SMEARING = (".jpg", ".jpeg", ".webp")

Byte = Annotated[int, Ge(0), Le(255)]


class FolderDataset(Dataset):
    """A folder with images and masks.

    `images/` and `masks/` lie beside each other, `train/` and `val/` in them or around them. A mask's values are its
    classes, or its colours are, as `classes.txt` in the folder lists them. Without that list the values that the masks
    have are the classes.

    Where `instances/` lies beside `masks/`, its values tell objects apart, 0 where there is none. `things.txt` lists
    the classes whose objects these are; without it, all that have some.

    :param path: the folder.
    :param classes: the names of the classes, in order; instead of `classes.txt`.
    :param colours: of the classes, red, green and blue, for masks that are coded in colours.
    :param images: where images lie in the folder, if under another name; `{split}` stands for each of its splits, as in
        `"{split}/photos"`.
    :param masks: where masks lie, likewise.
    :param instances: where maps of objects lie, likewise; only with the other two.
    :param things: the names of the classes whose objects are told apart; instead of `things.txt`.
    :param ignore: the values of a mask that belong to no class.
    :param reduce_zero: whether 0 belongs to no class, and the others count from 1.
    """

    general = True

    def __init__(
        self,
        path: Path,
        *,
        classes: Annotated[Sequence[str], Len(1)] | None = None,
        colours: Sequence[Annotated[Sequence[Byte], Len(3, 3)]] | None = None,
        images: str | None = None,
        masks: str | None = None,
        instances: str | None = None,
        things: Sequence[str] | None = None,
        ignore: int | Sequence[int] | None = 255,
        reduce_zero: bool = False,
    ) -> None:
        super().__init__(path)
        if (images is None) != (masks is None) or (instances is not None and images is None):
            raise OptionError("images and masks, and instances, are given together: where each lie in the folder")
        folders = find_folders(path) if images is None or masks is None else find_named_folders(path, images, masks)
        if not folders:
            raise DataError(
                f"{path} has no images and masks; expected images/ and masks/ in it, or in its train/ and val/, or "
                "other names given as the options images and masks"
            )
        self.pairs: dict[str, Pair] = {}
        self._splits = {split: self._add(*places) for split, places in folders.items()}
        if empty := [split for split, names in self._splits.items() if not names]:
            where, _ = folders[empty[0]]
            raise DataError(f"there is no image in {where}; put some there with their masks, or take the folder away")
        self.objects = find_objects(
            path, _object_folders(path, folders, images, instances), self.pairs, smearing=SMEARING
        )
        self.has_instances = bool(self.objects)
        self.things = things
        file = find_classes(path)
        listed = read_classes(file) if file is not None and not (classes and colours) else None
        self.listed = _labels(classes, colours, listed)
        self.ignore = [ignore] if isinstance(ignore, int) else list(ignore or ())
        self.reduce_zero = reduce_zero

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        if not path.is_dir() or not (folders := find_folders(path)):
            return None
        (images, masks), *_ = folders.values()
        where = images.relative_to(path), masks.relative_to(path)
        objects = find_instances(path, masks)
        told = f", objects in {objects.relative_to(path)}/" if objects else ""
        parts = "" if "all" in folders else f", split into {' and '.join(folders)}"
        return f"images in {where[0]}/ and masks in {where[1]}/{told}{parts}"

    def splits(self) -> Mapping[str, Sequence[str]]:
        return self._splits

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self.pairs[name].image)

    def read(self, name: str) -> Sample:
        files = self.pairs[name]
        objects = read_objects(self.objects[name]) if self.has_instances else None
        return Sample(read_image(files.image), self._classes(self._values(files.mask), files.mask), name, objects)

    @cached_property
    def channels(self) -> int:
        """Those of the first image that can be read."""
        for files in self.pairs.values():
            try:
                return read_image(files.image).shape[2]
            except DataError as error:
                failed = error
        raise failed

    @cached_property
    def labels(self) -> Labels:
        """Those that are listed, or the values that the masks have; and which are things, likewise."""
        things = listed_things(self.path, self.named, self.things)
        if things is None and self.has_instances:
            things = seen_things(self._both_maps())
        return replace(self.named, things=things)

    @cached_property
    def named(self) -> Labels:
        """The classes, without what is known about objects."""
        binary = self.black_and_white or self.grey_coded  # looked up here once, not in each worker process
        if self.listed is not None:
            return (
                self.listed if self.listed.palette else Labels(self.listed.names, self._palette(len(self.listed.names)))
            )
        if self.colour_coded:
            raise DataError(
                f"the masks of {self.path} are coded in colours: list the classes in {self.path / 'classes.txt'}, a "
                f"name, red, green and blue on each line; a mask has {self._colours_seen()}"
            )
        if binary:
            warnings.warn(
                f"the masks of {self.path} hold 0 and 255 alone: 0 is read as class 0, 255 as class 1; name the two "
                "classes in classes.txt if that's right",
                DataWarning,
                stacklevel=2,
            )
            return Labels(("0", "1"))
        count = max(self._seen, default=-1) + 1 - self.reduce_zero
        if count < 1:
            raise DataError(f"no mask of {self.path} has a pixel of any class; see which values are ignored")
        if count > min(MANY, 2 * len(self._seen) + 2):  # a class here and there may be unseen, but not most
            raise DataError(
                f"the masks of {self.path} have the values {_shown(self._seen)}: shades rather than numbers of "
                "classes; list the classes in classes.txt, with red, green and blue if a class is drawn in a shade"
            )
        return Labels(tuple(map(str, range(count))), self._palette(count))

    @cached_property
    def colour_coded(self) -> bool:
        """Whether masks have colours that aren't grey. The first may be all background, so that others are read too."""
        readable = False
        for files in tqdm(self.pairs.values(), desc="reading masks", unit="mask", delay=2):
            try:
                mask = read_mask(files.mask)
            except DataError as error:
                failed = error
                continue
            if mask.ndim == 2:
                return False
            if not _is_grey(mask):
                return True
            readable = True
        if not readable:
            raise failed
        return False

    @cached_property
    def grey_coded(self) -> bool:
        """Whether values are the listed colours, all grey, and not the numbers of classes."""
        if self.listed is None or not self.listed.palette or self.colour_coded or self.black_and_white:
            return False
        greys = {red for red, green, blue in self.listed.palette if red == green == blue}
        seen = self._values_of_all - set(self.ignore)
        return len(greys) == len(self.listed.names) and seen <= greys and not seen <= set(range(len(greys)))

    @cached_property
    def black_and_white(self) -> bool:
        """Whether masks hold 0 and 255 alone: two classes, as drawing programs save them."""
        if self.colour_coded or (self.listed is not None and len(self.listed.names) != 2):
            return False
        return self._values_of_all == {0, 255}

    @cached_property
    def _values_of_all(self) -> set[int]:
        """All values of all masks; those that can't be read are left for `read` to complain about."""
        found: set[int] = set()
        for files in tqdm(self.pairs.values(), desc="reading masks", unit="mask", delay=2):
            try:
                found.update(map(int, np.unique(self._values(files.mask))))
            except DataError:
                continue
            if len(found) > MANY + 1:
                raise DataError(
                    f"the masks of {self.path} have more than {MANY + 1} values, up to {files.mask.name}: they hold no "
                    "classes, or were smeared by a lossy format; save them as PNG"
                )
        return found

    @cached_property
    def _seen(self) -> set[int]:
        return self._values_of_all - set(self.ignore)

    def _both_maps(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Classes and objects of all samples; what can't be read is left for `read` to complain about."""
        for name, files in tqdm(self.pairs.items(), desc="reading objects", unit="mask", delay=2):
            try:
                yield self._classes(self._values(files.mask), files.mask), read_objects(self.objects[name])
            except DataError:
                continue

    def _add(self, images: Path, masks: Path) -> list[str]:
        """The names of the pairs in two folders."""
        found = pair(images, masks)
        if found.without_mask or found.without_image:
            raise DataError(
                " and ".join(
                    f"{len(files)} {what} ({_listed(files)})"
                    for files, what in (
                        (found.without_mask, f"images without a mask in {masks}"),
                        (found.without_image, f"masks without an image in {images}"),
                    )
                    if files
                )
                + "; images and masks are paired by their names without ending: rename them, or take them away"
            )
        if lossy := [each.mask for each in found.pairs.values() if each.mask.suffix.lower() in SMEARING]:
            raise DataError(
                f"{len(lossy)} masks are {lossy[0].suffix[1:].upper()} files ({_listed(lossy)}), a format that changes "
                "values: classes are smeared at each boundary; export the masks anew, as PNG"
            )
        named = {files.image.relative_to(self.path).as_posix(): files for files in found.pairs.values()}
        self.pairs |= named
        return list(named)

    def _values(self, file: Path) -> NDArray[Any]:
        """A mask's values; colours that are grey are one."""
        mask = read_mask(file)
        if mask.ndim == 2 or self.colour_coded:
            return mask
        if not _is_grey(mask):
            raise DataError(f"{file}: expected a mask of values, as the others are, got one of colours")
        return mask[..., 0]

    def _classes(self, mask: NDArray[Any], file: Path) -> NDArray[np.int64]:
        if self.colour_coded:
            return self._from_colours(mask, file)
        if self.black_and_white:
            return (mask > 0).astype(np.int64)
        if self.grey_coded:
            shades = {red: number for number, (red, _, _) in enumerate(self.named.palette)}
            return relabel(mask, dict.fromkeys(self.ignore, IGNORE) | shades, default=-1)
        classes = relabel(mask, dict.fromkeys(self.ignore, IGNORE))
        if self.reduce_zero:
            classes = np.where(classes == IGNORE, IGNORE, np.where(classes == 0, IGNORE, classes - 1))
        return classes

    def _from_colours(self, mask: NDArray[Any], file: Path) -> NDArray[np.int64]:
        if mask.ndim != 3:
            raise DataError(f"{file}: expected a mask of colours, as the others are, got one of values {mask.shape}")
        table = {(red << 16) | (green << 8) | blue: k for k, (red, green, blue) in enumerate(self.named.palette)}
        codes = encode_colours(mask)
        grey = {(value << 16) | (value << 8) | value: IGNORE for value in self.ignore}
        classes = relabel(codes, grey | table, default=-1)
        if (classes == -1).any():
            strange = np.unique(codes[classes == -1])
            shown = ", ".join(str((int(each) >> 16, int(each) >> 8 & 255, int(each) & 255)) for each in strange[:NAMED])
            raise DataError(
                f"{file}: {len(strange)} colours that no class has ({shown}); list them, or save the mask in a format "
                "that keeps colours as they are, such as PNG"
            )
        return classes

    def _palette(self, count: int) -> tuple[tuple[int, int, int], ...]:
        """The colours that the masks themselves are drawn in, where they have some for each class."""
        for files in self.pairs.values():
            try:
                colours = () if files.mask.suffix.lower() == ".npy" else read_palette(files.mask)
            except DataError:
                continue  # left for `read` to complain about
            return colours[:count] if len(set(colours[:count])) == count > 1 else ()
        return ()

    def _colours_seen(self) -> str:
        codes: set[int] = set()
        for files in self.pairs.values():
            try:
                mask = read_mask(files.mask)
            except DataError:
                continue
            if mask.ndim == 3 and not _is_grey(mask):
                codes.update(map(int, np.unique(encode_colours(mask))))
                break
        shown = ", ".join(f"{each >> 16} {each >> 8 & 255} {each & 255}" for each in sorted(codes)[:20])
        return f"the colours {shown}" + (" and more" if len(codes) > 20 else "")


def _object_folders(
    root: Path, folders: Mapping[str, tuple[Path, Path]], images: str | None, instances: str | None
) -> Iterator[tuple[Path, Path]]:
    """Of images, and of the maps of objects that lie beside their masks or where they are said to lie."""
    if images is not None and instances is not None:
        named = find_named_folders(root, images, instances)
        if not named:
            raise DataError(f"there is no folder {instances} beside {images} in {root}; give another for instances")
        yield from named.values()
    elif images is None:
        for beside, masks in folders.values():
            if objects := find_instances(root, masks):
                yield beside, objects


def _labels(
    names: Sequence[str] | None, colours: Sequence[Sequence[int]] | None, listed: Labels | None
) -> Labels | None:
    """The classes that are given, and where they aren't, those that the file lists."""
    palette = tuple((red, green, blue) for red, green, blue in colours) if colours else ()
    if names is None:
        names = listed.names if listed else tuple(map(str, range(len(palette))))
    if not palette and listed and len(listed.palette) == len(names):
        palette = listed.palette
    labels = Labels(tuple(names), palette)
    labels.check("the list", len(labels.names))
    if len(set(palette)) < len(palette):
        twice = next(each for each in palette if palette.count(each) > 1)
        raise DataError(f"two classes have the colour {twice}; give each one of its own")
    return labels if names else None


def _is_grey(mask: NDArray[Any]) -> bool:
    return bool((mask == mask[..., :1]).all())


def _shown(values: set[int]) -> str:
    return ", ".join(map(str, sorted(values)[:20])) + (" and more" if len(values) > 20 else "")


def _listed(files: Sequence[Path]) -> str:
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return ", ".join(each.name for each in files[:NAMED]) + more
