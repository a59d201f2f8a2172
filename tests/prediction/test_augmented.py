import pytest
import torch
from torch import nn
from torch.nn import functional as F

from segzoo.errors import OptionError
from segzoo.prediction import Augmented


class Pointwise(nn.Module):
    """Logits from a pixel alone: what is mirrored gives what is mirrored."""

    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv2d(3, classes, 1)

    def forward(self, image):
        return self.conv(image)


class Named(Pointwise):
    def forward(self, image):
        return {"mask": self.conv(image), "edge": self.conv(image)[:, :1]}


class Leftwards(nn.Module):
    """Logits that depend on the column."""

    def forward(self, image):
        return image[:, :2] * torch.arange(image.shape[-1])


IMAGE = torch.rand(2, 3, 20, 31, generator=torch.Generator().manual_seed(0))


def test_flips_of_a_symmetric_model_change_nothing():
    model = Pointwise(5)
    torch.testing.assert_close(Augmented(model, flips=True)(IMAGE), model(IMAGE).log_softmax(1))


def test_flips_are_the_mean_of_both_ways_to_look():
    seen = Augmented(Leftwards(), flips=True)(IMAGE).exp()
    mirrored = Leftwards()(IMAGE.flip(-1)).softmax(1).flip(-1)
    torch.testing.assert_close(seen, (Leftwards()(IMAGE).softmax(1) + mirrored) / 2)


@pytest.mark.parametrize(("scale", "size"), [(0.5, (10, 16)), (1.5, (30, 46))])
def test_scales_are_the_mean_over_sizes(scale, size):
    model = Pointwise(4)
    other = F.interpolate(model(F.interpolate(IMAGE, size, mode="bilinear")), (20, 31), mode="bilinear").softmax(1)
    expected = (model(IMAGE).softmax(1) + other) / 2
    torch.testing.assert_close(Augmented(model, (1.0, scale))(IMAGE).exp(), expected)


def test_an_image_of_one_colour_is_the_same_at_all_scales():
    model, image = Pointwise(4), torch.full((1, 3, 17, 23), 0.3)
    torch.testing.assert_close(Augmented(model, (0.5, 1.0, 1.75), flips=True)(image), model(image).log_softmax(1))


def test_a_single_class_is_its_mean_probability():
    model = Pointwise(1)
    torch.testing.assert_close(Augmented(model, flips=True)(IMAGE), model(IMAGE))


def test_each_head_is_averaged_by_itself():
    model = Named(3)
    seen = Augmented(model, flips=True)(IMAGE)
    torch.testing.assert_close(seen["mask"], model(IMAGE)["mask"].log_softmax(1))
    torch.testing.assert_close(seen["edge"], model(IMAGE)["edge"])


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, -1.0), (float("nan"),), (float("inf"),)])
def test_scales_that_can_t_be_are_refused(scales):
    with pytest.raises(OptionError, match="expected scales above 0"):
        Augmented(Pointwise(2), scales)
