"""Which samples are trained on, and which are kept for validation."""

from __future__ import annotations

import random

from segzoo.data.dataset import TRAIN, UNSPLIT, VAL, Dataset
from segzoo.errors import DataError, OptionError


def split(dataset: Dataset, validation: float = 0.2, seed: int = 0) -> dict[str, list[str]]:
    """The names of a dataset's samples by split, `"train"` and `"val"` among them.

    A dataset that has both keeps them. Otherwise a share of what there is to train on is kept for validation: drawn
    by the seed, the same whatever the order in which the dataset lists its samples.

    :param validation: that share, above 0 and below 1.
    :raises DataError: for a split without samples, or fewer than two samples to share out.
    :raises OptionError: for another share.
    """
    if not 0 < validation < 1:
        raise OptionError(f"expected a share of samples above 0 and below 1 for validation, got {validation}")
    splits = {name: list(names) for name, names in dataset.splits().items()}
    for name, names in splits.items():
        if not names:
            raise DataError(f"split {name!r} of {dataset.path} has no samples; fill it, or take it away")
    if TRAIN not in splits:
        if UNSPLIT not in splits:
            has = ", ".join(map(repr, splits)) or "none"
            raise DataError(f"{dataset.path} has no split {TRAIN!r} to learn from (it has {has})")
        splits[TRAIN] = splits.pop(UNSPLIT)
    if VAL not in splits:
        names = sorted(splits[TRAIN])
        if len(names) < 2:
            raise DataError(f"{dataset.path} has one sample; training and validation need one each at least")
        random.Random(seed).shuffle(names)
        kept = min(max(1, round(validation * len(names))), len(names) - 1)
        splits[VAL], splits[TRAIN] = sorted(names[:kept]), sorted(names[kept:])
    return splits
