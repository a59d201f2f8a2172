"""The dataset's contract: a path in, samples by name out. Subclass `Dataset` to read a form of your own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from segzoo.data.sample import Sample
from segzoo.labels import Labels

TRAIN, VAL = "train", "val"
"""The splits that training and validation read. A dataset may have others, such as "test"."""
UNSPLIT = "all"
"""The one split of a dataset that isn't split: `segzoo.data.split` shares it out."""


class Dataset(ABC):
    """Images and masks that are stored in one form, such as a folder of files, opened at a path.

    A plugin announces it with the hook `segzoo_datasets`. The parameters of `__init__` after the path are its options,
    declared by annotations as those of a decoder are, and checked before it is called. Opening reads lists and headers
    alone. An instance is pickled to worker processes: it holds no open file.

    :ivar path: where it was opened.
    :ivar labels: the classes in order, names and colours; names for each class, invented (`"1"`) where none are known.
    :ivar channels: of each image.
    :ivar has_instances: whether its samples have `instances`; `labels.things` says whose objects these are.
    """

    general: ClassVar[bool] = False
    """Whether it reads anything of a wide kind, and is chosen only where no other dataset recognises a path."""

    labels: Labels
    channels: int
    has_instances: bool = False

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @abstractmethod
    def recognise(cls, path: Path) -> str | None:
        """What of this form lies at a path, in a few words; None if nothing does. Reads no image.

        It should be sure: several datasets are asked, and a path that two recognise needs the user to say which.

        :param path: a folder, a file, or something that isn't on this disk.
        """

    @abstractmethod
    def splits(self) -> Mapping[str, Sequence[str]]:
        """The names of the samples of each split: `"train"`, `"val"`, others, or all of them under `"all"`."""

    @abstractmethod
    def read(self, name: str) -> Sample:
        """Read one sample, whole.

        :param name: one of those of `splits`.
        :raises DataError: when a file can't be read or isn't what it should be: it names the file, and what to do.
        """

    def size(self, name: str) -> tuple[int, int] | None:
        """Height and width of a sample if a header tells, None if only reading does.

        :raises DataError: as `read`.
        """
        return None

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(self.labels.names)
