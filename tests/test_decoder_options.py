"""Decoders with options that change their form: every encoder is taken, and every parameter learns at any size.

With their defaults, the conformance kit tests the same.
"""

import pytest
import torch
from synthetic import PATTERNS, synthetic

import segzoo

VARIANTS = [
    ("dpt", {"width": 32, "readout": "ignore", "residual_norm": False}),
    ("efficientvit", {"final_expansion": 4, "blocks": 1}),
    ("encnet", {"width": 16, "laterals": True}),
    ("fcn", {"width": 8, "convs": 2, "concat_input": True}),
    ("fpn", {"merge": "cat"}),
    ("linear", {"blocks": 4}),
    ("manet", {"attention": "pairs"}),
    ("manet", {"attention": "positions"}),
    ("nnunet", {"convs": 1, "norm": "batchnorm2d", "finest_stride": 1}),
    ("segformer", {"finest_stride": 2, "width": 16}),
    ("unet", {"attention": "gate", "center": True}),
    ("unet", {"attention": "scse", "center": True}),
]
variants = pytest.mark.parametrize(("decoder", "options"), VARIANTS)


@variants
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_encoder_is_taken(pattern, decoder, options):
    segzoo.plan(synthetic(pattern), decoder, decoder_options=options)


@variants
@pytest.mark.parametrize("pattern", ["resnet", "levit", "patch_14"])
def test_logits_have_the_image_s_size_and_every_parameter_learns(pattern, decoder, options):
    model = segzoo.create_model(synthetic(pattern), decoder, classes=3, decoder_options=options)
    logits = model.train()(torch.rand(1, 3, 97, 131))
    logits.square().mean().backward()
    assert logits.shape == (1, 3, 97, 131)
    assert not [name for name, parameter in model.decoder.named_parameters() if parameter.grad is None]


@pytest.mark.parametrize("decoder", ["fpn", "segformer", "upernet"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_maps_finer_than_stride_4_are_left_out(pattern, decoder):
    plan = segzoo.plan(synthetic(pattern), decoder)
    assert min(plan.spec.select(plan.stages).strides) >= 4
