import pytest
import torch
from torch import nn

from segzoo.nn import InstanceNorm2d


@pytest.mark.parametrize("affine", [True, False])
def test_it_gives_what_torch_s_does(affine):
    ours, theirs = InstanceNorm2d(5, affine=affine), nn.InstanceNorm2d(5, affine=affine)
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    theirs.load_state_dict(ours.state_dict())
    features, others = torch.rand(2, 5, 7, 3), torch.rand(1, 5, 4, 6)
    torch.testing.assert_close(ours(features), theirs(features))
    traced = torch.jit.trace(ours, features)  # for any size: it is written out
    torch.testing.assert_close(traced(others), theirs(others))


@pytest.mark.parametrize("train", [True, False])
def test_of_a_single_pixel_the_shift_is_left(train):
    norm = InstanceNorm2d(5).train(train)
    nn.init.normal_(norm.bias)
    assert torch.equal(norm(torch.rand(1, 5, 1, 1)), norm.bias.detach().view(1, 5, 1, 1))
