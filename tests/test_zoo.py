"""Every decoder that is registered with encoders of every kind, at any size: real tensors, forward and backward."""

import warnings
from functools import lru_cache

import pytest
import torch
from synthetic import DRIVING, OF_MAPS, parameters, small

import segzoo
from segzoo.verification import call_on_meta, probe_image

ENCODERS = [
    "mit_b0",
    "vit_small_patch14_dinov2",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in (
            "resnet34",
            "convnext_atto",
            "swin_tiny_patch4_window7_224",
            "vit_tiny_patch16_224",
            "vgg11_bn",
            "efficientnet_b0",
            "levit_128",
        )
    ),
]
"""One of each kind; the conformance kit has them all in small."""
PATTERN_SETTERS = ["unet", "fpn", "segformer"]  # the decoders that the others follow, tested at more sizes
SIZES = [
    pytest.param((64, 64), marks=pytest.mark.slow),
    (97, 131),
    pytest.param((224, 320), marks=pytest.mark.exhaustive),
]


@lru_cache(maxsize=1)
def model_of(encoder, decoder):
    torch.manual_seed(0)
    return segzoo.create_model(encoder, decoder, classes=5)


def assert_trains(encoder, decoder, size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = model_of(encoder, decoder).train()
        model.zero_grad()
        logits = model(torch.rand(2, 3, *size))
        logits.square().mean().backward()
    assert logits.shape == (2, 5, *size)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.ndim > 1]
    for gradient in (gradients[0], gradients[-1]):
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", PATTERN_SETTERS)
@pytest.mark.parametrize("size", SIZES)
def test_a_pair_gives_logits_of_the_image_s_size_and_finite_gradients(encoder, decoder, size):
    assert_trains(encoder, decoder, size)


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", OF_MAPS)
def test_every_pair_gives_logits_of_the_image_s_size_and_finite_gradients(encoder, decoder):
    assert_trains(encoder, decoder, (97, 131))


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", parameters(OF_MAPS))
def test_every_pair_gives_logits_of_the_image_s_size_on_the_meta_device(encoder, decoder):
    assert_size_on_the_meta_device(encoder, decoder)


@pytest.mark.parametrize("encoder", ["vit_tiny_patch16_224", "vit_small_patch14_dinov2"])
@pytest.mark.parametrize("decoder", DRIVING)
def test_a_decoder_that_drives_blocks_gives_logits_of_the_image_s_size_on_the_meta_device(encoder, decoder):
    assert_size_on_the_meta_device(encoder, decoder)


def assert_size_on_the_meta_device(encoder, decoder):
    with torch.device("meta"):
        model = segzoo.create_model(encoder, decoder, classes=5, decoder_options=small(decoder)).eval()
    assert model(torch.empty(2, 3, 97, 131, device="meta")).shape == (2, 5, 97, 131)
    assert all(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", PATTERN_SETTERS)
def test_the_plan_agrees_with_the_built_model(encoder, decoder):
    model = model_of(encoder, decoder)
    plan = model.plan
    assert segzoo.plan(encoder, decoder) == plan
    assert model.encoder.spec == plan.encoder_spec
    assert model.encoder.input_spec == plan.input_spec
    assert (model.neck is None) == (plan.neck is None)
    assert model.decoder.stages == plan.spec.select(plan.stages)
    for part, planned in [(model.encoder, plan.encoder), (model.decoder, plan.decoder), (model.neck, plan.neck)]:
        if part is not None:
            assert sum(parameter.numel() for parameter in part.parameters()) == planned.parameters
    features = call_on_meta(model.encoder, probe_image(plan.encoder_spec, plan.input_spec, 3))
    assert tuple(feature.shape[1] for feature in features) == plan.encoder_spec.channels


@pytest.mark.parametrize("encoder", ["resnet34", "mit_b0", "vit_tiny_patch16_224"])
@pytest.mark.parametrize("in_channels", [1, 2, 4, 16])
def test_images_of_any_channels_are_taken(encoder, in_channels):
    model = segzoo.create_model(encoder, "segformer", classes=2, in_channels=in_channels).eval()
    assert model(torch.rand(1, in_channels, 64, 64)).shape == (1, 2, 64, 64)


@pytest.mark.slow
def test_the_contract_s_example_has_exactly_these_shapes():
    model = segzoo.create_model("mit_b3", "segformer", in_channels=2, classes=3).eval()
    with torch.no_grad():
        shapes = [tuple(feature.shape) for feature in model.encoder(torch.rand(1, 2, 512, 512))]
    assert shapes == [
        (1, 2, 512, 512),
        (1, 0, 256, 256),
        (1, 64, 128, 128),
        (1, 128, 64, 64),
        (1, 320, 32, 32),
        (1, 512, 16, 16),
    ]


def test_segformer_b0_has_as_many_parameters_as_published():
    model = segzoo.create_model("mit_b0", "segformer", classes=150)
    assert sum(parameter.numel() for parameter in model.parameters()) == 3_752_694
