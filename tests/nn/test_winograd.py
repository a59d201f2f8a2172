"""Winograd's form of a convolution, by itself, and where it is chosen."""

import pytest
import torch
from torch.nn import functional as F

from segzoo.nn.plain_conv import conv2d
from segzoo.nn.winograd import conv_by_tiles


@pytest.mark.parametrize("chunk", [1, 2**20])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (4, 8), (5, 3), (13, 6)])
def test_it_is_exact_to_the_border(monkeypatch, size, biased, chunk):
    monkeypatch.setattr("segzoo.nn.winograd.CHUNK", chunk)
    torch.manual_seed(0)
    features, weight, bias = (torch.randn(shape, dtype=torch.float64) for shape in [(2, 3, *size), (5, 3, 3, 3), (5,)])
    bias = bias if biased else None
    expected = F.conv2d(features, weight, bias, padding=1)
    assert (conv_by_tiles(features, weight, bias) - expected).abs().max() < 1e-12


@pytest.mark.parametrize(("chosen", "channels", "size"), [(True, 256, 64), (False, 32, 64), (False, 256, 4)], ids=str)
def test_it_is_chosen_where_it_is_faster(channels, size, chosen):
    with torch.no_grad():
        assert takes_tiles(torch.zeros(1, channels, size, size), torch.zeros(256, channels, 3, 3)) == chosen


@pytest.mark.parametrize(
    "geometry", [{"stride": (2, 2)}, {"padding": (2, 2), "dilation": (2, 2)}, {"padding": (0, 0)}], ids=str
)
@torch.no_grad()
def test_it_is_for_convolutions_that_keep_the_size(geometry):
    assert not takes_tiles(torch.zeros(1, 256, 64, 64), torch.zeros(256, 256, 3, 3), **geometry)


@pytest.mark.parametrize(("learning", "dtype"), [(True, torch.float32), (False, torch.float64)])
def test_it_is_for_inference_in_float32(learning, dtype):
    with torch.set_grad_enabled(learning):
        features, weight = (torch.zeros(s, dtype=dtype) for s in [(1, 256, 64, 64), (256, 256, 3, 3)])
        assert not takes_tiles(features, weight)


@torch.no_grad()
def test_it_is_for_products_of_full_precision():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert not takes_tiles(torch.zeros(1, 256, 64, 64), torch.zeros(256, 256, 3, 3))
    finally:
        torch.set_float32_matmul_precision(before)


def takes_tiles(features, weight, **geometry):
    """Whether a convolution takes that form."""
    with pytest.MonkeyPatch.context() as patch:
        taken = []
        patch.setattr("segzoo.nn.plain_conv.conv_by_tiles", lambda *_: taken.append(True))
        conv2d(features, weight, **{"padding": (1, 1), **geometry})
        return bool(taken)


@torch.no_grad()
def test_in_float32_its_errors_are_a_few_roundings():
    torch.manual_seed(0)
    features, weight, bias = torch.randn(1, 256, 64, 64), torch.randn(256, 256, 3, 3), torch.randn(256)
    expected = F.conv2d(features.double(), weight.double(), bias.double(), padding=1)
    assert (conv2d(features, weight, bias, padding=(1, 1)) - expected).abs().max() < 3e-5 * expected.abs().max()
