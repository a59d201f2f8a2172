"""How often each class occurs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils import data as torch_data
from tqdm.auto import tqdm

from segzoo.data.batches import Loader
from segzoo.data.dataset import Dataset
from segzoo.data.samples import Broken, check
from segzoo.errors import DataError, DataWarning


def histogram(
    dataset: Dataset, names: Sequence[str], workers: int = 0, *, most: int | None = None, broken: Broken = "raise"
) -> Tensor:
    """How many pixels each class has in some samples of a dataset.

    :param workers: processes that read; 0 reads in this one.
    :param most: how many samples are looked at, spread over the names; all of them if None.
    :param broken: what to do about a sample that can't be used; `"skip"` warns, and leaves it out.
    :returns: int64 (classes,).
    :raises DataError: for a sample that can't be used, if `broken` is `"raise"`.
    """
    every = 1 if most is None else -(-len(names) // most)
    counts = Loader(_Counts(dataset, names[::every], broken), batch_size=None, num_workers=workers)
    total = torch.zeros(dataset.classes, dtype=torch.int64)
    for each in tqdm(counts, desc="counting classes", unit="mask", delay=2):
        total += each
    return total


class _Counts(torch_data.Dataset[Tensor]):
    """The pixels of each class, sample by sample."""

    def __init__(self, dataset: Dataset, names: Sequence[str], broken: Broken) -> None:
        self.dataset = dataset
        self.names = names
        self.broken = broken

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Tensor:
        try:
            sample = self.dataset.read(self.names[number])
            check(sample, self.dataset)
        except DataError as error:
            if self.broken == "raise":
                raise
            warnings.warn(f"skipped: {error}", DataWarning, stacklevel=2)
            return torch.zeros(self.dataset.classes, dtype=torch.int64)
        mask = torch.from_numpy(sample.mask)
        return torch.bincount(mask[mask >= 0], minlength=self.dataset.classes)
