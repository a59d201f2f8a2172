"""Each way to convolve a resized map, by itself: it has to hold also where another one is chosen."""

import pytest
import torch
from torch.nn import functional as F

from segzoo.nn.resize import resize
from segzoo.nn.resized_conv import add_cells, conv_by_taps, conv_of_doubled, conv_of_resized


def tensors(kernel, grid):
    torch.manual_seed(0)
    return (torch.randn(shape, dtype=torch.float64) for shape in [(2, 3, *grid), (4, 3, kernel, kernel), (4,)])


@pytest.mark.parametrize("grid", [(1, 1), (4, 7), (5, 2)])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("learning", [True, False])
def test_doubled_is_exact_to_the_border(grid, biased, learning):
    features, weight, bias = tensors(3, grid)
    bias = bias if biased else None
    expected = F.conv2d(F.interpolate(features, scale_factor=2), weight, bias, padding=1)
    with torch.set_grad_enabled(learning):
        assert (conv_of_doubled(features, weight, bias) - expected).abs().max() < 1e-12


@pytest.mark.parametrize(("mode", "align_corners"), [("nearest", False), ("bilinear", False), ("bilinear", True)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("size", [(5, 6), (10, 12), (9, 11), (20, 40), (2, 13), (1, 1)])
def test_by_taps_is_exact_to_the_border(mode, align_corners, kernel, size):
    features, weight, bias = tensors(kernel, (5, 6))
    expected = F.conv2d(resize(features, size, mode, align_corners), weight, bias, padding=kernel // 2)
    assert (conv_by_taps(features, weight, bias, size, mode, align_corners) - expected).abs().max() < 1e-12


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kernel", "mode", "channels", "grid"),
    [
        (3, "nearest", 32, (10, 14)),  # its own size
        (1, "bilinear", 32, (5, 6)),  # convolved, then resized
        (3, "bilinear", 256, (2, 3)),  # by taps
        (3, "bilinear", 3, (9, 13)),  # resized, then convolved
    ],
)
def test_what_it_is_added_to_is_added_once(kernel, mode, channels, grid, dtype, learning):
    torch.manual_seed(0)
    features = torch.randn(2, channels, *grid, dtype=dtype)
    weight = torch.randn(4, channels, kernel, kernel, dtype=dtype)
    onto = torch.randn(2, 4, 10, 14, dtype=dtype).contiguous(memory_format=torch.channels_last)
    expected = onto + F.conv2d(resize(features, (10, 14), mode), weight, padding=kernel // 2)
    with torch.set_grad_enabled(learning):
        found = conv_of_resized(features, weight, None, (10, 14), mode, onto=onto)
    assert found is onto
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("learning", [True, False])
def test_doubled_it_is_added_once(learning):
    features, weight, _ = tensors(3, (5, 7))
    onto = torch.randn(2, 4, 10, 14, dtype=torch.float64)
    expected = onto + F.conv2d(F.interpolate(features, scale_factor=2), weight, padding=1)
    with torch.set_grad_enabled(learning):
        assert conv_of_doubled(features, weight, onto=onto) is onto
    assert (onto - expected).abs().max() < 1e-12


@pytest.mark.parametrize(
    ("kernel", "mode", "grid", "channels", "chosen"),
    [
        (3, "nearest", (32, 32), 128, "conv_of_doubled"),
        (3, "nearest", (16, 16), 256, "conv_by_taps"),
        (3, "bilinear", (16, 16), 256, "conv_by_taps"),
        (3, "bilinear", (63, 63), 4, None),
        (1, "bilinear", (16, 16), 256, None),
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


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("mode", "align_corners"), [("nearest", False), ("bilinear", False), ("bilinear", True)])
def test_cells_are_resized_and_added_at_once(mode, align_corners, layout):
    torch.manual_seed(0)
    maps = [torch.randn(2, 3, h, w, dtype=torch.float64) for h, w in [(1, 1), (2, 3), (6, 6)]]
    onto = torch.randn(2, 3, 13, 11, dtype=torch.float64).contiguous(memory_format=layout)
    expected = onto + sum(resize(each, (13, 11), mode, align_corners) for each in maps)
    assert add_cells(maps, onto, mode, align_corners) is onto
    assert (onto - expected).abs().max() < 1e-12
