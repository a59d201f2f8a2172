import pytest
import torch
from synthetic import PATTERNS, synthetic

import segzoo
from segzoo.nn import object_regions

SMALL = {"width": 32, "key_width": 16}


def model_of(pattern="resnet", **options):
    return segzoo.create_model(synthetic(pattern), "ocrnet", **{"classes": 4, "decoder_options": SMALL} | options)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_map_from_stride_4_on_is_joined(pattern):
    plan = segzoo.plan(synthetic(pattern), "ocrnet")
    assert plan.stages == tuple(stage for stage in plan.spec.native if plan.spec.strides[stage] >= 4)


def test_named_heads_share_the_object_regions():
    model = model_of(classes=None, heads={"mask": 3, "edge": 1}).eval()
    logits = model(torch.rand(1, 3, 64, 64))
    assert {name: each.shape[1] for name, each in logits.items()} == {"mask": 3, "edge": 1}


def test_one_class_trains_on_one_image():
    model = model_of(classes=1).train()
    model(torch.rand(1, 3, 64, 64)).mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.decoder.parameters())


def test_the_coarse_logits_come_with_the_logits():
    decoder = model_of().decoder.eval()
    shapes = [(16, 16, 24), (24, 8, 12), (32, 4, 6), (40, 2, 3)]
    features = [torch.rand(2, *shape) for shape in shapes]
    logits, coarse = decoder.forward_with_coarse(features)
    assert logits.shape == coarse.shape == (2, 4, 16, 24)
    assert torch.equal(logits, decoder(features))


def test_a_region_is_the_mean_of_its_pixels_where_the_guess_is_certain():
    pixels, coarse = torch.rand(1, 5, 2, 4), torch.full((1, 2, 2, 4), -100.0)
    coarse[0, 0, :, :2] = coarse[0, 1, :, 2:] = 100
    regions = object_regions(pixels, coarse)
    expected = torch.stack([pixels[0, :, :, :2].mean(dim=(1, 2)), pixels[0, :, :, 2:].mean(dim=(1, 2))], dim=1)
    assert torch.allclose(regions[0, :, :, 0], expected)


def test_the_loss_of_the_logits_alone_reaches_every_parameter():
    model = model_of().train()
    model(torch.rand(2, 3, 64, 64)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.decoder.parameters())
