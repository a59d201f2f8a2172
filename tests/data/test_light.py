"""The change of light as one matrix, beside torchvision's one after the other."""

import pytest
import torch
from torchvision.transforms.v2 import functional as F

from segzoo.data.light import change_light, colour_change

IMAGE = 0.4 + 0.2 * torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(1))  # nothing is clamped


def changed(image: torch.Tensor, **change: float) -> torch.Tensor:
    matrix, offset = colour_change(image.mean((1, 2)), **change)
    return torch.einsum("ij,jhw->ihw", matrix, image) + offset[:, None, None]


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.4])
@pytest.mark.parametrize("change", ["brightness", "contrast", "saturation"])
def test_a_change_is_that_of_torchvision(change: str, factor: float) -> None:
    # torchvision's grey has weights that add up to 0.9999
    expected = getattr(F, f"adjust_{change}")(IMAGE, factor)
    torch.testing.assert_close(changed(IMAGE, **{change: factor}), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("third", [1 / 3, -1 / 3])
def test_a_third_of_the_circle_is_that_of_torchvision(third: float) -> None:
    torch.testing.assert_close(changed(IMAGE, hue=third), F.adjust_hue(IMAGE, third), atol=1e-5, rtol=0)


@pytest.mark.parametrize("turn", [0.05, -0.05])
def test_a_small_turn_goes_the_way_that_it_goes_in_torchvision(turn: float) -> None:
    ours, theirs = changed(IMAGE, hue=turn) - IMAGE, F.adjust_hue(IMAGE, turn) - IMAGE
    assert torch.cosine_similarity(ours.flatten(), theirs.flatten(), 0) > 0.7


def test_changes_follow_each_other() -> None:
    one_by_one = changed(changed(changed(changed(IMAGE, brightness=0.9), saturation=1.3), hue=0.04), contrast=0.7)
    together = changed(IMAGE, brightness=0.9, saturation=1.3, hue=0.04, contrast=0.7)
    torch.testing.assert_close(together, one_by_one)


def test_greys_stay_grey() -> None:
    grey = torch.rand(1, 4, 4).expand(3, 4, 4)
    turned = changed(grey, hue=0.05, saturation=1.4, contrast=0.8)
    torch.testing.assert_close(turned[0], turned[1])
    torch.testing.assert_close(turned[1], turned[2])


@pytest.mark.parametrize("channels", [1, 3, 12])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_type_and_shape_stay(channels: int, dtype: torch.dtype) -> None:
    image = torch.randint(0, 256, (channels, 8, 9)).to(dtype)
    assert (change_light(image).shape, change_light(image).dtype) == (image.shape, dtype)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("value", [0, 255])
def test_8_bits_stay_within_their_range(channels: int, value: int) -> None:
    image = torch.full((channels, 8, 8), value, dtype=torch.uint8)
    image[:, 0] = 128
    assert max((change_light(image).int() - image.int()).abs().max() for _ in range(30)) < 160  # none wraps around


def test_what_is_given_stays_as_it_is() -> None:
    image = torch.rand(4, 8, 8)
    before = image.clone()
    change_light(image)
    assert torch.equal(image, before)


def test_digital_numbers_change_by_their_own_measure() -> None:
    image = 5000 + 800 * torch.randn(6, 32, 32)
    moved = change_light(image) - image
    assert 5 < moved.abs().mean() < 1000


def test_each_band_changes_by_itself() -> None:
    band = torch.rand(1, 32, 32)
    one, other = change_light(band.repeat(2, 1, 1))
    assert not torch.allclose(one, other)


def test_negative_decibels_keep_their_sign() -> None:
    image = -15 + torch.randn(2, 32, 32)
    assert all((change_light(image) < -5).all() for _ in range(20))
