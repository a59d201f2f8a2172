"""A linear layer, alone and with another one after it."""

import pytest
import torch
from torch import nn

from segzoo.nn import Linear2d


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("channels", "width", "size"), [(64, 4, 2), (4, 64, 32)])  # cheaper in turn, and as one
def test_it_and_the_next_are_the_two_in_turn(channels, width, size, bias):
    linear = Linear2d(channels, width, bias=bias).double()
    features, onward = torch.rand(2, channels, size, size).double(), torch.rand(64, width, 1, 1).double()
    expected = nn.functional.conv2d(linear(features), onward)
    assert torch.allclose(linear(features, onward), expected, atol=1e-12)


def test_its_weights_are_those_of_a_convolution():
    torch.manual_seed(0)
    linear = Linear2d(3, 5)
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 5, 1)
    assert all(torch.equal(weight, conv.state_dict()[name]) for name, weight in linear.state_dict().items())
    features = torch.rand(1, 3, 4, 6)
    assert torch.allclose(linear(features), conv(features), atol=1e-6)


def test_it_is_no_convolution_that_others_would_adapt():
    assert not isinstance(Linear2d(3, 5), nn.Conv2d)
