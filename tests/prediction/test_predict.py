import pytest
import torch
from synthetic import synthetic
from torch import nn

import segzoo


class Local(segzoo.Decoder):
    """A pixel's logits from its own map pixel, so that tiles must give what the whole image gives."""

    finest_stride = 4

    def __init__(self, stages):
        super().__init__(stages, out_channels=8)
        self.conv = nn.Conv2d(stages.channels[0], 8, 1)

    def forward(self, features):
        return self.conv(features[0])


def model_of(**options):
    return segzoo.create_model(synthetic("mit"), Local, **(options or {"classes": 5})).eval()


def test_tiles_give_what_the_whole_image_gives():
    model, image = model_of().double(), torch.rand(3, 96, 128, dtype=torch.float64)  # no ties by rounding
    whole = model.predict(image, tile=256, margin=8)
    tiled = model.predict(image, tile=48, margin=8)
    assert torch.equal(whole, tiled)
    assert torch.equal(whole, model(image[None])[0].argmax(0))


def test_no_forward_sees_more_than_a_tile():
    model, sizes = model_of(), []
    model.register_forward_pre_hook(lambda module, images: sizes.append(max(images[0].shape[-2:])))
    model.predict(torch.rand(3, 150, 40), tile=64, margin=8)
    assert max(sizes) <= 64
    assert len(sizes) > 1


@pytest.mark.parametrize("shape", [(3, 20, 30), (2, 3, 20, 30)])
def test_a_class_map_has_the_image_s_shape(shape):
    classes = model_of().predict(torch.rand(*shape))
    assert classes.shape == (*shape[:-3], *shape[-2:])
    assert classes.dtype == torch.int64


def test_one_class_is_where_its_logit_is_positive():
    model, image = model_of(classes=1), torch.randn(3, 20, 30)
    assert torch.equal(model.predict(image), (model(image[None])[0, 0] > 0).long())


def test_named_heads_give_a_dict_of_maps():
    maps = model_of(heads={"mask": 3, "edge": 1}).predict(torch.rand(3, 20, 30))
    assert {name: each.shape for name, each in maps.items()} == {"mask": (20, 30), "edge": (20, 30)}


def test_predicting_leaves_the_mode_alone():
    model = model_of().train()
    model.decoder.eval()
    model.predict(torch.rand(3, 20, 30))
    assert model.training
    assert not model.decoder.training


@pytest.mark.parametrize("options", [{"tile": 0}, {"tile": 64, "margin": 32}, {"tile": 64, "margin": -1}])
def test_a_tile_without_room_is_refused(options):
    with pytest.raises(segzoo.OptionError, match="room inside its margins"):
        model_of().predict(torch.rand(3, 20, 30), **options)


@pytest.mark.parametrize("image", [torch.rand(20, 30), "photo.png"])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(segzoo.InputError, match=r"model\.preprocessing"):
        model_of().predict(image)
