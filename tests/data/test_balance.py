"""How often each class occurs, beside numpy's count."""

import numpy as np
import pytest
import torch
from arrays import Arrays, random_arrays

from segzoo.data import histogram
from segzoo.errors import DataError, DataWarning
from segzoo.labels import IGNORE


@pytest.mark.parametrize("workers", [0, 1])
def test_every_pixel_is_counted(workers: int) -> None:
    data = random_arrays()
    expected = np.bincount(np.stack(list(data.masks.values())).ravel(), minlength=3)
    assert histogram(data, list(data.masks), workers).tolist() == expected.tolist()


def test_a_class_that_is_nowhere_has_none() -> None:
    data = Arrays({"a": np.zeros((2, 2, 3), np.uint8)}, {"a": np.array([[0, 0], [2, IGNORE]])}, classes=4)
    counts = histogram(data, ["a"])
    assert (counts.tolist(), counts.dtype) == ([2, 0, 1, 0], torch.int64)


def test_some_samples_can_be_enough() -> None:
    data = random_arrays(10)
    counted = histogram(data, list(data.masks), most=3)
    assert counted.sum() == 3 * 12 * 16


def test_a_broken_sample_is_named() -> None:
    data = random_arrays(2)
    data.images["1.png"] = None
    with pytest.raises(DataError, match=r"1\.png can't be read"):
        histogram(data, list(data.masks))


def test_a_broken_sample_is_left_out_where_asked() -> None:
    data = random_arrays(2)
    data.images["1.png"] = None
    with pytest.warns(DataWarning, match="skipped: 1.png can't be read"):
        assert histogram(data, list(data.masks), broken="skip").sum() == 12 * 16
