"""A convolution of a sum is computed apart where that is cheaper, and nobody sees it but by the time it takes."""

import pytest
import torch
from torch import nn

from segzoo.nn import conv_of_sum, resize

SIZES = {
    "doubled": ((6, 8), (3, 4)),
    "odd": ((7, 9), (4, 5)),
    "three times": ((6, 9), (2, 3)),
    "same": ((5, 5), (5, 5)),
}


def layers(channels=3, between=16, out=5, bias=True):
    lateral = nn.Conv2d(channels, between, 1, bias=bias).double()
    return nn.Conv2d(between, out, 3, padding=1).double(), lateral


def plain(conv, lateral, fine, coarse):
    return conv(lateral(fine) + resize(coarse, fine.shape[-2:], mode="nearest"))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("channels", [3, 64])  # few, so that it is cheaper apart, and many
@pytest.mark.parametrize("sizes", SIZES)
def test_it_equals_the_plain_form_forward_and_backward(sizes, channels, bias):
    conv, lateral = layers(channels, bias=bias)
    fine, coarse = (torch.rand(2, c, *s).double() for c, s in zip((channels, 16), SIZES[sizes], strict=True))
    given = [each.requires_grad_() for each in (fine, coarse)]
    given += [*conv.parameters(), *lateral.parameters()]
    found, expected = conv_of_sum(conv, lateral, fine, coarse), plain(conv, lateral, fine, coarse)
    assert torch.allclose(found, expected, rtol=0, atol=1e-10)
    weigh = torch.rand_like(expected)
    gradients = (torch.autograd.grad((each * weigh).sum(), given) for each in (found, expected))
    assert all(torch.allclose(*pair, rtol=0, atol=1e-10) for pair in zip(*gradients, strict=True))


def test_the_sum_is_not_built_where_it_is_cheaper_apart():
    conv, lateral = layers()
    fine, coarse = torch.rand(1, 3, 64, 64).double(), torch.rand(1, 16, 32, 32).double()
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: saved.append(each.shape) or each, lambda each: each):
        conv_of_sum(conv, lateral, fine, coarse)
    assert (1, 16, 64, 64) not in saved


def test_nothing_to_add_is_fine():
    conv, lateral = layers()
    fine = torch.rand(1, 3, 6, 8).double()
    assert torch.equal(conv_of_sum(conv, lateral, fine, None), conv(lateral(fine)))


@pytest.mark.parametrize("part", ["conv", "lateral"])
def test_who_listens_to_a_layer_hears_it(part):
    conv, lateral = layers()
    heard = []
    {"conv": conv, "lateral": lateral}[part].register_forward_hook(lambda *_: heard.append(part))
    conv_of_sum(conv, lateral, torch.rand(1, 3, 6, 8).double(), torch.rand(1, 16, 3, 4).double())
    assert heard == [part]


@pytest.mark.parametrize("options", [{"dilation": 2, "padding": 2}, {"padding_mode": "reflect"}, {"groups": 2}])
def test_another_kind_of_convolution_is_left_to_itself(options):
    conv = nn.Conv2d(16, 6, 3, **({"padding": 1} | options)).double()
    _, lateral = layers()
    fine, coarse = torch.rand(1, 3, 6, 8).double(), torch.rand(1, 16, 3, 4).double()
    assert torch.allclose(conv_of_sum(conv, lateral, fine, coarse), plain(conv, lateral, fine, coarse), atol=1e-10)
