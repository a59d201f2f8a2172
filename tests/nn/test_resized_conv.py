"""Each way to convolve a resized map, by itself: it has to hold also where another one is chosen."""

import pytest
import torch
from torch.nn import functional as F

from segzoo.nn.resize import resize
from segzoo.nn.resized_conv import conv_by_taps, conv_of_doubled, conv_of_resized


def tensors(kernel, grid):
    torch.manual_seed(0)
    return (torch.randn(shape, dtype=torch.float64) for shape in [(2, 3, *grid), (4, 3, kernel, kernel), (4,)])


@pytest.mark.parametrize("grid", [(1, 1), (4, 7), (5, 2)])
@pytest.mark.parametrize("biased", [True, False])
def test_doubled_is_exact_to_the_border(grid, biased):
    features, weight, bias = tensors(3, grid)
    bias = bias if biased else None
    expected = F.conv2d(F.interpolate(features, scale_factor=2), weight, bias, padding=1)
    assert (conv_of_doubled(features, weight, bias) - expected).abs().max() < 1e-12


@pytest.mark.parametrize(
    ("mode", "align_corners"), [("nearest", False), ("bilinear", False), ("bilinear", True), ("bicubic", False)]
)
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("size", [(5, 6), (10, 12), (9, 11), (20, 40), (2, 13), (1, 1)])
def test_by_taps_is_exact_to_the_border(mode, align_corners, kernel, size):
    features, weight, bias = tensors(kernel, (5, 6))
    expected = F.conv2d(resize(features, size, mode, align_corners), weight, bias, padding=kernel // 2)
    assert (conv_by_taps(features, weight, bias, size, mode, align_corners) - expected).abs().max() < 1e-12


@pytest.mark.parametrize(
    ("kernel", "mode", "grid", "channels", "chosen"),
    [
        (3, "nearest", (32, 32), 128, "conv_of_doubled"),
        (3, "nearest", (16, 16), 256, "conv_by_taps"),
        (3, "bilinear", (16, 16), 256, "conv_by_taps"),
        (3, "bilinear", (63, 63), 4, None),
        (1, "bilinear", (32, 32), 256, None),
        (1, "bilinear", (6, 6), 256, "conv_by_taps"),
    ],
)
def test_the_cheapest_way_is_chosen(monkeypatch, kernel, mode, grid, channels, chosen):
    called = []
    for name in ("conv_of_doubled", "conv_by_taps"):
        monkeypatch.setattr(f"segzoo.nn.resized_conv.{name}", lambda *_, name=name: called.append(name))
    features = torch.empty(1, channels, *grid, device="meta")
    weight = torch.empty(4, channels, kernel, kernel, device="meta")
    conv_of_resized(
        features, weight, None, (64, 64) if mode == "nearest" and grid[0] == 32 else (2 * grid[0],) * 2, mode
    )
    assert called == [chosen] * (chosen is not None)
