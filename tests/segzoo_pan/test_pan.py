import pytest
import torch

import segzoo
from segzoo_pan.decoder import halve


@pytest.mark.parametrize(
    ("output_stride", "strides"), [(8, (4, 8, 8, 8)), (16, (4, 8, 16, 16)), (None, (4, 8, 16, 32))]
)
def test_the_output_stride_is_wished_for(output_stride, strides):
    plan = segzoo.plan("resnet18", "pan", decoder_options={"output_stride": output_stride})
    assert plan.spec.select(plan.stages).strides == strides


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 2), (1, 1)])
def test_halving_is_max_pooling_that_never_ends_in_nothing(size):
    features = torch.rand(1, 2, *size)
    expected = torch.nn.functional.max_pool2d(features, (min(2, size[0]), min(2, size[1])))
    assert torch.equal(halve(features), expected)
