"""Datasets of the Hugging Face hub, through its library `datasets`, and those that this library saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from segzoo import IGNORE, DataError, Labels, MissingExtraError
from segzoo.data import Dataset, Sample, relabel

IMAGE = ("image", "pixel_values", "img")
MASK = ("label", "mask", "annotation", "labels", "segmentation_mask", "semantic_segmentation", "seg", "gt")
SAVED = ("dataset_dict.json", "state.json")
SPLITS = {"train": "train", "validation": "val", "val": "val", "valid": "val", "test": "test"}


class HuggingFaceDataset(Dataset):
    """A table with a column of images and one of masks.

    :param path: a folder that `save_to_disk` made, or one of Parquet files; or a name on the hub, such as
        `user/name`, which has to be asked for: `form="huggingface"`.
    :param image: the column of images; found by its name if None.
    :param mask: the column of masks; found by its name if None.
    :param classes: the names of the classes; `id2label.json` beside the data, or the values that masks have, if None.
    :param config: which part of a dataset on the hub.
    :param ignore: the values of a mask that belong to no class.
    :param reduce_zero: whether 0 belongs to no class, and the others count from 1.
    """

    def __init__(
        self,
        path: Path,
        *,
        image: str | None = None,
        mask: str | None = None,
        classes: Sequence[str] | None = None,
        config: str | None = None,
        ignore: int | Sequence[int] | None = 255,
        reduce_zero: bool = False,
    ) -> None:
        super().__init__(path)
        self.config = config
        self.ignore = [ignore] if isinstance(ignore, int) else list(ignore or ())
        self.reduce_zero = reduce_zero
        self.listed = tuple(classes or ())
        columns = next(iter(self.tables.values())).column_names
        self.image_column = image or _column(columns, IMAGE, "images", path)
        self.mask_column = mask or _column(columns, MASK, "masks", path)
        for name in (self.image_column, self.mask_column):
            if name not in columns:
                raise DataError(f"{path} has no column {name!r}; it has {', '.join(columns)}")

    def __getstate__(self) -> dict[str, Any]:
        """Without the open tables: another process opens them anew."""
        return {name: value for name, value in self.__dict__.items() if name != "tables"}

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        if not path.is_dir():
            return None
        if saved := next((name for name in SAVED if (path / name).is_file()), None):
            return f"{saved} of the library datasets"
        tables = list(path.glob("*.parquet")) + list(path.glob("data/*.parquet"))
        return f"Parquet files such as {tables[0].name}" if tables else None

    @cached_property
    def tables(self) -> dict[str, Any]:
        """The table of each split."""
        try:
            import datasets
        except ImportError as error:
            raise MissingExtraError(
                f'{self.path} needs the library datasets ({error}): pip install "segzoo-torch[huggingface]"'
            ) from error
        datasets.disable_progress_bars()
        try:
            if any((self.path / name).is_file() for name in SAVED):
                loaded = datasets.load_from_disk(str(self.path))
            elif self.path.is_dir():
                loaded = datasets.load_dataset("parquet", data_dir=str(self.path))
            else:
                loaded = datasets.load_dataset(self.path.as_posix(), self.config)
        except Exception as error:  # the library's own, those of the network, those of Arrow
            raise DataError(
                f"{self.path} can't be loaded by the library datasets: {type(error).__name__}: {error}"
            ) from error
        tables = dict(loaded) if isinstance(loaded, dict) else {"all": loaded}
        return (
            {SPLITS.get(name, name): table for name, table in tables.items()}
            if len(tables) > 1
            else {"all": next(iter(tables.values()))}
        )

    @cached_property
    def channels(self) -> int:
        """Those of the first image."""
        return self.read(next(iter(self.splits().values()))[0]).image.shape[2]

    @cached_property
    def labels(self) -> Labels:
        """Those that are listed, or the values that the masks have."""
        if self.listed:
            return Labels(self.listed)
        if (self.path / "id2label.json").is_file():
            return Labels(_id2label(self.path / "id2label.json"))
        highest = max(int(each.max(initial=0)) for table in self.tables.values() for each in self._masks(table))
        return Labels(tuple(map(str, range(highest + 1))))

    def splits(self) -> Mapping[str, Sequence[str]]:
        return {split: [f"{split}[{row}]" for row in range(len(table))] for split, table in self.tables.items()}

    def read(self, name: str) -> Sample:
        split, _, row = name.removesuffix("]").rpartition("[")
        try:
            found = self.tables[split][int(row)]
            picture, mask = found[self.image_column], found[self.mask_column]
            image = np.asarray(
                picture.convert("RGB") if getattr(picture, "mode", "") in ("P", "RGBA", "CMYK") else picture
            )
            values = np.asarray(mask)
        except Exception as error:  # a picture that can't be decoded raises as its format's reader does
            raise DataError(f"{self.path}: {name} can't be read: {type(error).__name__}: {error}") from error
        if values.ndim == 3:
            values = values[..., 0]
        return Sample(image if image.ndim == 3 else image[..., None], self._classes(values), name)

    def _classes(self, values: Any) -> Any:
        classes = relabel(values, dict.fromkeys(self.ignore, IGNORE))
        if self.reduce_zero:
            classes = np.where(classes <= 0, IGNORE, classes - 1)
        return classes

    def _masks(self, table: Any) -> Any:
        from tqdm import tqdm

        masks = table.select_columns([self.mask_column])
        for row in tqdm(masks, desc="reading masks", unit="mask", delay=2):
            values = np.asarray(row[self.mask_column])
            yield self._classes(values[..., 0] if values.ndim == 3 else values)


def _column(columns: Sequence[str], names: Sequence[str], what: str, path: Path) -> str:
    found = next((name for name in names if name in columns), None)
    if found is None:
        raise DataError(f"{path} has no column of {what} by a usual name; say which of {', '.join(columns)} it is")
    return found


def _id2label(file: Path) -> tuple[str, ...]:
    try:
        content = {int(key): str(value) for key, value in json.loads(file.read_text()).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{file} can't be read as names by number: {error}") from error
    if sorted(content) != list(range(len(content))):
        raise DataError(f"{file} has the numbers {sorted(content)}; expected 0 to {len(content) - 1}")
    return tuple(content[number] for number in range(len(content)))
