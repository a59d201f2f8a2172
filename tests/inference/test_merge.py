from functools import partial

import pytest
import torch
from torch import nn

from segzoo.inference.merge import MergedLinear2d, merge_linears
from segzoo.nn import ConcatConv2d, Linear2d


class InTurn(nn.Module):
    """Two maps, each through a linear layer, and another over both."""

    def __init__(self, between=8, after=8, bias=True):
        super().__init__()
        self.linears = nn.ModuleList(Linear2d(8, between, bias=bias) for _ in range(2))
        self.conv = ConcatConv2d([between, between], after)

    def forward(self, image):
        maps = [partial(linear, each) for linear, each in zip(self.linears, (image, image[..., ::2, ::2]), strict=True)]
        return self.conv(maps, image.shape[-2:])


class HandingOnImages(InTurn):
    def forward(self, image):
        return self.linears[0](image, image.mean(dim=(0, 2, 3)).diag()[..., None, None])


class RunningTwice(InTurn):
    def forward(self, image):
        return self.conv([partial(self.linears[0], image)] * 2, image.shape[-2:])


class Alone(InTurn):
    def forward(self, image):
        return self.linears[0](image)


@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_two_layers_become_one(bias):
    module, image = InTurn(bias=bias), torch.randn(2, 8, 12, 16)
    expected = module(image)
    assert merge_linears(module, image) == 2
    assert all(isinstance(linear, MergedLinear2d) for linear in module.linears)
    torch.testing.assert_close(module(image), expected)


@pytest.mark.parametrize(
    "module",
    [HandingOnImages(), RunningTwice(), Alone(), InTurn(between=2, after=64)],
    ids=lambda each: type(each).__name__,
)
@torch.no_grad()
def test_others_stay(module):
    assert merge_linears(module, torch.randn(2, 8, 12, 16)) == 0
    assert not any(isinstance(linear, MergedLinear2d) for linear in module.linears)
