"""Which samples are trained on, and which are kept for validation."""

from __future__ import annotations

import random

from segzoo.data.dataset import TRAIN, UNSPLIT, VAL, Dataset
from segzoo.errors import DataError, OptionError


def split(dataset: Dataset, validation: float = 0.2, seed: int = 0) -> dict[str, list[str]]:
    """The names of a dataset's samples by split, `"train"` and `"val"` among them.

    A dataset that has both keeps them. Otherwise a share of what there is to train on is kept for validation: drawn
    by the seed, the same whatever the order in which the dataset lists its samples.

    :param validation: that share, above 0 and below 1; or how many samples, from 1 on.
    :raises DataError: for a split without samples, or too few samples to share out.
    :raises OptionError: for what is neither.
    """
    if not (0 < validation < 1 or (validation >= 1 and float(validation).is_integer())):
        raise OptionError(
            f"expected a share above 0 and below 1 of the samples for validation, or a number of them, got {validation}"
        )
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
        kept = int(validation) if validation >= 1 else max(1, min(round(validation * len(names)), len(names) - 1))
        if kept >= len(names):
            raise DataError(
                f"{dataset.path} has {len(names)} samples to learn from; too few to keep {kept} for validation and "
                "one or more for training"
            )
        random.Random(seed).shuffle(names)
        splits[VAL], splits[TRAIN] = sorted(names[:kept]), sorted(names[kept:])
    return splits
