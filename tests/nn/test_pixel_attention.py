"""Attention of the pixels of a map, against the sums written out."""

import pytest
import torch

from segzoo.nn import pixel_attention


@pytest.mark.parametrize("scale", [None, 1.0, 0.3])
def test_a_pixel_gets_the_values_of_the_cells_by_its_likeness_to_their_keys(scale):
    query, key, value = torch.randn(2, 4, 3, 5), torch.randn(2, 4, 2, 3), torch.randn(2, 7, 2, 3)
    attended = pixel_attention(query, key, value, scale)
    assert attended.shape == (2, 7, 3, 5)
    for row in range(3):
        for column in range(5):
            scores = (query[:, :, row, column, None] * key.flatten(2)).sum(dim=1) * (0.5 if scale is None else scale)
            expected = (value.flatten(2) * scores.softmax(dim=1)[:, None]).sum(dim=2)
            torch.testing.assert_close(attended[:, :, row, column], expected)
