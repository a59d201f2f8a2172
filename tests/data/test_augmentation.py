"""Image and mask changed alike, for more to learn from few samples."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torchvision import tv_tensors

from segzoo.data import Augmentation
from segzoo.data.augmentation import nearest
from segzoo.errors import OptionError
from segzoo.labels import IGNORE


def pair(image: Tensor, mask: Tensor) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
    return tv_tensors.Image(image), tv_tensors.Mask(mask)


def several(augment: Augmentation, image: Tensor, mask: Tensor, times: int = 20) -> Iterator[tuple[Any, Any]]:
    return (augment(*pair(image, mask)) for _ in range(times))


def ramp(height: int, width: int) -> tuple[Tensor, Tensor]:
    """An image and a mask whose values are the columns."""
    columns = torch.arange(width).expand(height, width)
    return columns.float()[None].contiguous(), columns.contiguous()


@pytest.mark.parametrize("size", [(80, 80), (20, 200), (200, 20), (1, 1), (33, 47)])
@pytest.mark.parametrize("channels", [1, 3, 12])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_every_crop_has_the_size_that_was_asked_for(size: Any, channels: int, dtype: torch.dtype) -> None:
    augment = Augmentation((48, 33), scale=(0.3, 3.0))
    image, mask = torch.randint(0, 256, (channels, *size)).to(dtype), torch.randint(0, 3, size)
    for changed, labels in several(augment, image, mask, 10):
        assert (changed.shape, changed.dtype, labels.shape) == ((channels, 48, 33), dtype, (48, 33))


def test_the_types_stay() -> None:
    given = torch.zeros(3, 20, 20, dtype=torch.uint8), torch.zeros(20, 20).long()
    for image, mask in several(Augmentation((16, 16)), *given):
        assert (type(image), type(mask), mask.dtype) == (tv_tensors.Image, tv_tensors.Mask, torch.int64)


@pytest.mark.parametrize("scale", [0.4, 0.47, 0.77, 1.0, 1.3, 2.0, 3.1])
def test_the_mask_lies_where_the_image_does(scale: float) -> None:
    augment = Augmentation((40, 40), scale=(scale, scale), flip=0.5, photometric=False)
    for image, mask in several(augment, *ramp(100, 120)):
        difference = (image[0] - mask)[:, 2:-2]  # a crop's edge is repeated where it is interpolated
        assert difference.abs().max() <= 0.51 * max(1, 1 / scale) + 0.01
        assert difference.mean().abs() < 0.2


def test_a_mask_has_no_values_but_its_own() -> None:
    mask = 7 * torch.randint(0, 2, (50, 50))
    for _, labels in several(Augmentation((64, 64)), torch.rand(3, 50, 50), mask):
        assert set(labels.unique().tolist()) <= {0, 7, IGNORE}


@pytest.mark.parametrize("size", [(20, 30), (31, 17)])
def test_a_whole_mask_is_scaled_as_torch_does(size: tuple[int, int]) -> None:
    mask = torch.randint(0, 9, (24, 24))
    scaled = functional.interpolate(mask[None, None].float(), size, mode="nearest-exact")[0, 0].long()
    assert torch.equal(mask[nearest(24, size[0])][:, nearest(24, size[1])], scaled)


def test_what_is_padded_is_ignored_and_of_the_mean_colour() -> None:
    augment = Augmentation((40, 40), scale=(1, 1), photometric=False)
    image = torch.stack([torch.full((20, 30), value) for value in (10, 100, 200)]).to(torch.uint8)
    for padded, mask in several(augment, image, torch.ones(20, 30).long()):
        assert (mask == IGNORE).sum() == 1600 - 600
        assert (padded.flatten(1) == torch.tensor([[10], [100], [200]])).all()


def test_an_image_as_large_as_the_crop_is_taken_whole() -> None:
    image, mask = torch.rand(3, 32, 48), torch.randint(0, 3, (32, 48))
    changed, labels = Augmentation((32, 48), scale=(1, 1), flip=0, photometric=False)(*pair(image, mask))
    assert torch.equal(changed, image)
    assert torch.equal(labels, mask)


def test_crops_come_from_all_over() -> None:
    augment = Augmentation((10, 10), scale=(1, 1), flip=0, photometric=False)
    lefts = {int(mask[0, 0]) for _, mask in several(augment, *ramp(10, 30), 400)}
    assert lefts == set(range(21))


def test_scales_are_drawn_evenly_in_their_logarithm() -> None:
    augment = Augmentation((8, 8), scale=(0.25, 4), flip=0, photometric=False)
    widths = [float(image[0, 0, -1] - image[0, 0, 0]) for image, _ in several(augment, *ramp(100, 100), 400)]
    assert 0.4 < sum(width > 7 for width in widths) / len(widths) < 0.6


def test_a_crop_that_one_class_fills_is_drawn_again() -> None:
    mask = torch.zeros(100, 100).long()
    mask[45:55] = 1
    mask[:, 45:55] = 1
    augment = Augmentation((20, 20), scale=(1, 1), photometric=False)
    shares = [(labels == 0).float().mean() for _, labels in several(augment, torch.rand(1, 100, 100), mask, 50)]
    assert sum(share < 0.75 for share in shares) > 45


@pytest.mark.parametrize("value", [1, IGNORE])
def test_an_image_of_one_class_is_cut_all_the_same(value: int) -> None:
    _, mask = Augmentation((8, 8), scale=(1, 1))(*pair(torch.rand(1, 20, 20), torch.full((20, 20), value)))
    assert (mask == value).all()


def test_without_a_crop_the_size_stays() -> None:
    image, mask = Augmentation()(*pair(torch.rand(3, 17, 23), torch.zeros(17, 23).long()))
    assert (image.shape, mask.shape) == ((3, 17, 23), (17, 23))


@pytest.mark.parametrize(("option", "axis"), [("flip", -1), ("vertical", -2)])
def test_image_and_mask_are_mirrored_together(option: str, axis: int) -> None:
    image, mask = torch.rand(2, 6, 9), torch.randint(0, 3, (6, 9))
    chances = {"flip": 0.0, "vertical": 0.0, option: 1.0}
    changed, labels = Augmentation(photometric=False, **chances)(*pair(image, mask))
    assert torch.equal(changed, image.flip(axis))
    assert torch.equal(labels, mask.flip(axis))


def test_all_can_be_off() -> None:
    image, mask = torch.rand(2, 6, 9), torch.randint(0, 3, (6, 9))
    changed, labels = Augmentation(flip=0, photometric=False)(*pair(image, mask))
    assert torch.equal(changed, image)
    assert torch.equal(labels, mask)


@pytest.mark.parametrize(
    "options",
    [{"crop": (0, 8)}, {"scale": (0, 1)}, {"scale": (2, 1)}, {"flip": 1.5}, {"vertical": -0.1}],
)
def test_odd_options_are_refused(options: Any) -> None:
    with pytest.raises(OptionError, match="expected"):
        Augmentation(**options)
