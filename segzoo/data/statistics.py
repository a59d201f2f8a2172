"""How bright each band of a dataset is, for images that no published mean and deviation are of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tqdm.auto import tqdm

from segzoo.data.dataset import Dataset
from segzoo.data.samples import Broken, check
from segzoo.errors import DataError
from segzoo.labels import IGNORE
from segzoo.preprocessing import Preprocessing

MOST = 64
"""Images that are enough."""


def own_preprocessing(dataset: Dataset, names: Sequence[str], *, broken: Broken = "raise") -> Preprocessing | None:
    """The mean and deviation of a dataset's digital numbers, band by band, over pixels that have a class.

    :param names: of the samples that are trained on; some of them, evenly spread, are looked at.
    :param broken: what to do about a sample that can't be used; `"skip"` leaves it out.
    :returns: a preprocessing of values as they are; None for 8 bits, which are scaled as photographs are.
    :raises DataError: for a sample that can't be used, if `broken` is `"raise"`.
    """
    count, total, squares = 0, np.zeros(dataset.channels), np.zeros(dataset.channels)
    for name in tqdm(names[:: -(-len(names) // MOST)], desc="measuring bands", unit="image", delay=2):
        try:
            sample = dataset.read(name)
            check(sample, dataset)
        except DataError:
            if broken == "raise":
                raise
            continue
        if sample.image.dtype == np.uint8:
            return None
        values = sample.image[sample.mask != IGNORE].astype(np.float64)
        count += len(values)
        total += values.sum(0)
        squares += np.einsum("pc,pc->c", values, values)
    if not count:
        return None
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    deviation[deviation < 1e-6 * np.maximum(1, np.abs(mean))] = 1  # a band that is the same everywhere
    return Preprocessing(tuple(mean), tuple(deviation), scaled=False)
