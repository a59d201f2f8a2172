import pytest
import segmentation_models_pytorch as smp
import torch
from smp_parity import (
    HEAD,
    TIMM_ENCODER,
    assert_same_gradients,
    assert_same_logits,
    carry_over,
    parameters,
)
from synthetic import PATTERNS, synthetic

import segzoo
from segzoo_pan.decoder import halve

RULES = [
    *HEAD,
    *TIMM_ENCODER,
    (r"^decoder\.fpa\.", "decoder.pyramid_attention."),
    (r"\.branch1\.1\.", ".image."),
    (r"\.mid\.0\.", ".middle."),
    (r"\.down1\.1\.", ".at_half."),
    (r"\.down2\.1\.", ".at_quarter."),
    (r"\.down3\.1\.", ".at_eighth.0."),
    (r"\.down3\.2\.", ".at_eighth.1."),
    (r"^(decoder\.pyramid_attention)\.conv2\.", r"\1.from_quarter."),
    (r"^(decoder\.pyramid_attention)\.conv1\.", r"\1.from_half."),
    (r"^decoder\.gau3\.", "decoder.upsampling.0."),
    (r"^decoder\.gau2\.", "decoder.upsampling.1."),
    (r"^decoder\.gau1\.", "decoder.upsampling.2."),
    (r"^(decoder\.upsampling\.\d)\.conv1\.1\.", r"\1.weigh."),
    (r"^(decoder\.upsampling\.\d)\.conv2\.", r"\1.finer."),
    (r"^(decoder\..*)\.bn\.", r"\1.norm."),
]


def counterparts(output_stride):
    torch.manual_seed(0)
    peer = smp.PAN("resnet34", encoder_weights=None, classes=5, encoder_output_stride=output_stride)
    if output_stride == 16:  # the first convolution that would have been strided: SMP dilates it, timm doesn't
        conv = peer.encoder.layer4[0].conv1
        conv.dilation, conv.padding = (1, 1), (1, 1)
    options = {"output_stride": output_stride, "align_corners": True}
    model = segzoo.create_model("resnet34", "pan", classes=5, decoder_options=options)
    carry_over(peer, model, RULES)
    return peer, model


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", "pan", classes=19)
    assert parameters(model) == 24_265_018


@pytest.mark.parametrize("output_stride", [16, 32])
def test_logits_are_smp_s(output_stride):
    assert_same_logits(*counterparts(output_stride), torch.rand(2, 3, 256, 288))


def test_gradients_are_smp_s():
    assert_same_gradients(*counterparts(16), torch.rand(2, 3, 128, 128), RULES)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_takes_encoders_of_every_kind(pattern):
    segzoo.plan(synthetic(pattern), "pan")


@pytest.mark.parametrize("pattern", ["resnet", "levit"])
@pytest.mark.parametrize("size", [(64, 64), (97, 131)])
def test_every_parameter_gets_a_gradient_at_any_size(pattern, size):
    model = segzoo.create_model(synthetic(pattern), "pan", classes=3).train()
    logits = model(torch.rand(1, 3, *size))
    logits.square().mean().backward()
    assert logits.shape == (1, 3, *size)
    assert not [name for name, parameter in model.decoder.named_parameters() if parameter.grad is None]


@pytest.mark.parametrize(("output_stride", "strides"), [(8, (4, 8, 8, 8)), (16, (4, 8, 16, 16)), (32, (4, 8, 16, 32))])
def test_the_output_stride_is_wished_for(output_stride, strides):
    plan = segzoo.plan("resnet18", "pan", decoder_options={"output_stride": output_stride})
    assert plan.spec.select(plan.stages).strides == strides


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 2), (1, 1)])
def test_halving_is_max_pooling_that_never_ends_in_nothing(size):
    features = torch.rand(1, 2, *size)
    expected = torch.nn.functional.max_pool2d(features, (min(2, size[0]), min(2, size[1])))
    assert torch.equal(halve(features), expected)


@pytest.mark.parametrize(
    ("options", "told"), [({"width": 0}, "width=0"), ({"output_stride": 4}, r"one of \(8, 16, 32\)")]
)
def test_options_out_of_range_are_refused(options, told):
    with pytest.raises(segzoo.OptionError, match=told):
        segzoo.plan(synthetic("resnet"), "pan", decoder_options=options)
