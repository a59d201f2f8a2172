"""Datasets of the Hugging Face hub, through its library `datasets`, and those that this library saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Len
from numpy.typing import NDArray
from tqdm import tqdm

from segzoo import IGNORE, DataError, Labels
from segzoo.data import Dataset, Sample, in_colour, relabel
from segzoo_huggingface import tables
from segzoo_huggingface.cells import holds_pictures, innermost, is_encoded, read_image, read_mask

IMAGE = ("image", "pixel_values", "img", "images")
MASK = (
    "label", "mask", "annotation", "labels", "masks", "segmentation_mask", "semantic_segmentation", "semantic",
    "segmentation", "seg", "gt",
)  # fmt: skip
MANY = 1024  # classes that are made up of the values of masks


class HuggingFaceDataset(Dataset):
    """A table with a column of images and one of masks.

    :param path: a folder that `save_to_disk` made, or one of Parquet files, or such a file; or a name on the hub, such
        as `user/name`, which has to be asked for: `form="huggingface"`.
    :param image: the column of images; found by its name if None.
    :param mask: the column of masks; found by its name if None.
    :param classes: the names of the classes; those of `id2label.json` or of the column if None, and failing these the
        values that masks have.
    :param config: which part of a dataset on the hub.
    :param revision: a branch, tag or commit on the hub.
    :param ignore: the values of a mask that belong to no class.
    :param reduce_zero: whether 0 belongs to no class, and the others count from 1.
    """

    def __init__(
        self,
        path: Path,
        *,
        image: str | None = None,
        mask: str | None = None,
        classes: Annotated[Sequence[str], Len(1)] | None = None,
        config: str | None = None,
        revision: str | None = None,
        ignore: int | Sequence[int] | None = 255,
        reduce_zero: bool = False,
    ) -> None:
        super().__init__(path)
        self.revision = revision
        self.ignore = [ignore] if isinstance(ignore, int) else list(ignore or ())
        self.reduce_zero = reduce_zero
        self.listed = tuple(classes or ())
        loaded = tables.load(path, config, revision)
        features = next(iter(loaded.values())).features
        self.image_column = _column(features, image, IMAGE, "image", path)
        self.mask_column = _column(features, mask, MASK, "mask", path)
        self.tables = {split: self._with_pictures(table) for split, table in loaded.items()}

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        return tables.recognise(path)

    @cached_property
    def channels(self) -> int:
        """Those of the first image that can be read."""
        failed = DataError(f"{self.path} has no rows")
        for names in self.splits().values():
            for name in names:
                try:
                    return self._read(name).image.shape[2]
                except DataError as error:
                    failed = error
        raise failed

    @cached_property
    def labels(self) -> Labels:
        """Those that are listed, or the values that the masks have."""
        names = self.listed or tables.read_names(self.path, self.revision) or self._names_of_column()
        return Labels(names or tuple(map(str, range(self._highest() + 1))))

    def splits(self) -> Mapping[str, Sequence[str]]:
        return {split: [f"{split}[{row}]" for row in range(len(table))] for split, table in self.tables.items()}

    def read(self, name: str) -> Sample:
        sample = self._read(name)
        if self.channels == 3:  # a few of many photographs are grey
            return replace(sample, image=in_colour(sample.image))
        return sample

    def _read(self, name: str) -> Sample:
        split, _, row = name.removesuffix("]").rpartition("[")
        table = self.tables[split]
        mask = self._mask(table, int(row), name)
        try:
            value = table.select_columns([self.image_column])[int(row)][self.image_column]
            return Sample(read_image(value, table.features[self.image_column], mask.shape), mask, name)
        except Exception as error:
            raise self._unreadable(name, self.image_column, error) from error

    def _mask(self, table: Any, row: int, name: str) -> NDArray[np.int64]:
        try:
            values = read_mask(table.select_columns([self.mask_column])[row][self.mask_column])
        except Exception as error:
            raise self._unreadable(name, self.mask_column, error) from error
        classes = relabel(values, dict.fromkeys(self.ignore, IGNORE))
        return np.where(classes <= 0, IGNORE, classes - 1) if self.reduce_zero else classes

    def _unreadable(self, name: str, column: str, error: Exception) -> DataError:
        """Pictures that can't be decoded raise whatever their format's reader does."""
        what = str(error) if isinstance(error, DataError) else f"can't be read: {type(error).__name__}: {error}"
        return DataError(f"{self.path}, {name}, column {column}: {what}")

    def _with_pictures(self, table: Any) -> Any:
        for column in (self.image_column, self.mask_column):
            if column not in table.features:
                raise DataError(f"one of the splits of {self.path} has no column {column!r}; expected it in each")
            if is_encoded(table.features[column]):
                table = table.cast_column(column, tables.require_datasets().Image())
        return table

    def _names_of_column(self) -> tuple[str, ...]:
        feature = innermost(next(iter(self.tables.values())).features[self.mask_column])
        return tuple(getattr(feature, "names", ()))

    def _highest(self) -> int:
        """The highest value of all masks; those that can't be read are left for `read` to complain about."""
        highest = 0
        rows = [(table, row) for table in self.tables.values() for row in range(len(table))]
        for table, row in tqdm(rows, desc="reading masks", unit="mask", delay=2):
            try:
                highest = max(highest, int(self._mask(table, row, "").max(initial=0)))
            except DataError:
                continue
            if highest >= MANY:
                raise DataError(
                    f"the masks in column {self.mask_column!r} of {self.path} have values up to {highest}, which look "
                    "like no classes; say which column it is, or list the classes"
                )
        return highest


def _column(features: Mapping[str, Any], wanted: str | None, usual: Sequence[str], what: str, path: Path) -> str:
    """The column that is asked for, or one of a usual name that can hold pictures."""
    if wanted is not None and wanted not in features:
        raise DataError(f"{path} has no column {wanted!r}; it has {', '.join(features)}")
    there = {name.lower(): name for name, feature in features.items() if holds_pictures(feature)}
    found = wanted or next((there[name] for name in usual if name in there), None)
    if found is None or not holds_pictures(features[found]):
        described = ", ".join(f"{name} ({type(feature).__name__})" for name, feature in features.items())
        raise DataError(f"{path} has no {what}s in a column of a usual name; say which it is as {what}: {described}")
    return found
