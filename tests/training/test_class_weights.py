"""Class weights from how many pixels each class has."""

import pytest
import torch

from segzoo.errors import DataError
from segzoo.training.class_weights import balanced_weights


def test_a_rare_class_counts_more_by_the_root_of_how_rare_it_is():
    assert balanced_weights([900, 100, 25]).tolist() == pytest.approx([1 / 3, 1, 2])


def test_the_number_of_images_does_not_matter():
    pixels = torch.tensor([812, 40, 3])
    assert torch.allclose(balanced_weights(pixels), balanced_weights(pixels * 1000))


def test_none_counts_more_than_ten_times_or_less_than_a_tenth():
    weights = balanced_weights([10**9, 10**5, 1])
    assert weights.tolist() == pytest.approx([0.1, 1, 10])


def test_a_class_never_seen_counts_one_and_changes_no_other():
    assert balanced_weights([900, 0, 100, 25]).tolist() == pytest.approx([1 / 3, 1, 1, 2])


@pytest.mark.parametrize("wrong", [[], [0, 0], [5, -1], [[1, 2]]])
def test_what_is_no_histogram_is_an_error(wrong):
    with pytest.raises(DataError, match="number of pixels"):
        balanced_weights(wrong)
