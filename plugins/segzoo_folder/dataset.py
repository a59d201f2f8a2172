"""Images and masks in folders, paired by stem: what most people have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Len
from numpy.typing import NDArray
from tqdm import tqdm

from segzoo import IGNORE, DataError, Labels
from segzoo.data import (
    Dataset,
    Pair,
    Sample,
    encode_colours,
    find_classes,
    find_folders,
    image_size,
    pair,
    read_classes,
    read_image,
    read_mask,
    read_palette,
    relabel,
)

NAMED = 5  # files that an error names
MANY = 255  # values that a mask without a list of classes has at most
SMEARING = (".jpg", ".jpeg", ".webp")

Byte = Annotated[int, Ge(0)]


class FolderDataset(Dataset):
    """A folder with images and masks.

    `images/` and `masks/` lie beside each other, `train/` and `val/` in them or around them. A mask's values are its
    classes, or its colours are, as `classes.txt` in the folder lists them. Without that list the values that the masks
    have are the classes.

    :param path: the folder.
    :param classes: the names of the classes, in order; instead of `classes.txt`.
    :param colours: of the classes, red, green and blue, for masks that are coded in colours.
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
        ignore: int | Sequence[int] | None = 255,
        reduce_zero: bool = False,
    ) -> None:
        super().__init__(path)
        folders = find_folders(path)
        if not folders:
            raise DataError(
                f"{path} has no images and masks; expected images/ and masks/ in it, or in its train/ and val/"
            )
        self.pairs: dict[str, Pair] = {}
        self._splits: dict[str, list[str]] = {}
        for split, (images, masks) in folders.items():
            self._splits[split] = self._add(images, masks)
        file = find_classes(path)
        self.listed = (
            Labels(tuple(classes), tuple((red, green, blue) for red, green, blue in colours or ())) if classes else None
        )
        if self.listed is None and file is not None:
            self.listed = read_classes(file)
        if self.listed is not None:
            self.listed.check("the list", len(self.listed.names))
        self.ignore = [ignore] if isinstance(ignore, int) else list(ignore or ())
        self.reduce_zero = reduce_zero

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        if not path.is_dir() or not (folders := find_folders(path)):
            return None
        (images, masks), *_ = folders.values()
        where = images.relative_to(path), masks.relative_to(path)
        parts = "" if "all" in folders else f", split into {' and '.join(folders)}"
        return f"images in {where[0]}/ and masks in {where[1]}/{parts}"

    def splits(self) -> Mapping[str, Sequence[str]]:
        return self._splits

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self.pairs[name].image)

    def read(self, name: str) -> Sample:
        files = self.pairs[name]
        return Sample(read_image(files.image), self._classes(self._values(files.mask), files.mask), name)

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
        """Those that are listed, or the values that the masks have."""
        if self.listed is not None:
            return (
                self.listed if self.listed.palette else Labels(self.listed.names, self._palette(len(self.listed.names)))
            )
        if self.colour_coded:
            raise DataError(
                f"the masks of {self.path} are coded in colours: list the classes in {self.path / 'classes.txt'}, a "
                f"name, red, green and blue on each line; the first mask has {self._colours_seen()}"
            )
        count = 2 if self.black_and_white else max(self._seen, default=0) + 1 - self.reduce_zero
        return Labels(tuple(map(str, range(count))), self._palette(count))

    @cached_property
    def colour_coded(self) -> bool:
        """Whether the first mask has colours that aren't grey."""
        mask = read_mask(next(iter(self.pairs.values())).mask)
        return mask.ndim == 3 and not (mask == mask[..., :1]).all()

    @cached_property
    def black_and_white(self) -> bool:
        """Whether masks hold 0 and 255 alone: two classes, as drawing programs save them."""
        if self.colour_coded or (self.listed is not None and len(self.listed.names) != 2):
            return False
        return {0, 255} == self._values_of_all

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
        return mask[..., 0] if mask.ndim == 3 and not self.colour_coded else mask

    def _classes(self, mask: NDArray[Any], file: Path) -> NDArray[np.int64]:
        if self.colour_coded:
            return self._from_colours(mask, file)
        if self.black_and_white:
            return (mask > 0).astype(np.int64)
        classes = relabel(mask, dict.fromkeys(self.ignore, IGNORE))
        if self.reduce_zero:
            classes = np.where(classes == IGNORE, IGNORE, np.where(classes == 0, IGNORE, classes - 1))
        return classes

    def _from_colours(self, mask: NDArray[Any], file: Path) -> NDArray[np.int64]:
        if mask.ndim != 3:
            raise DataError(f"{file}: expected a mask of colours, as the others are, got one of values {mask.shape}")
        table = {(red << 16) | (green << 8) | blue: k for k, (red, green, blue) in enumerate(self.labels.palette)}
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
        mask = next(iter(self.pairs.values())).mask
        colours = () if mask.suffix == ".npy" else read_palette(mask)
        return colours[:count] if len(set(colours[:count])) == count > 1 else ()

    def _colours_seen(self) -> str:
        codes = np.unique(encode_colours(read_mask(next(iter(self.pairs.values())).mask)))
        shown = ", ".join(f"{int(each) >> 16} {int(each) >> 8 & 255} {int(each) & 255}" for each in codes[:20])
        return f"the colours {shown}" + (" and more" if len(codes) > 20 else "")


def _listed(files: Sequence[Path]) -> str:
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return ", ".join(each.name for each in files[:NAMED]) + more
