import pytest
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic
from torch.nn import functional as F

import segzoo
from segzoo_efficientvit.decoder import FusedBottleneck

LARGE = {"fused": True, "act": "gelu_tanh"}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_three_maps_are_taken_from_stride_8_on_where_there_are_such(pattern):
    plan = segzoo.plan(synthetic(pattern), "efficientvit")
    strides = plan.spec.select(plan.stages).strides
    assert (len(strides), min(strides) >= 8) == ((1, False) if pattern == "few" else (3, True))


def test_every_stage_that_a_neck_makes_is_taken():
    plan = segzoo.plan(synthetic("plain_vit"), "efficientvit")
    assert plan.stages == plan.neck_stages
    assert plan.spec.select(plan.stages).strides == (8, 16, 32)


@pytest.mark.parametrize(
    ("encoder", "options", "millions", "decimals"),
    [
        ("efficientvit_b0", {"width": 32, "blocks": 1}, 0.7, 1),
        ("efficientvit_b1", {"width": 64}, 4.8, 1),
        ("efficientvit_l1", LARGE | {"width": 256, "expansion": 1, "final_expansion": None}, 40, 0),
        ("efficientvit_l2", LARGE | {"width": 256, "expansion": 1, "final_expansion": None, "blocks": 5}, 53, 0),
    ],
)
def test_it_has_as_many_parameters_as_published_for_cityscapes(encoder, options, millions, decimals):
    with torch.device("meta"):
        model = segzoo.create_model(encoder, "efficientvit", classes=19, decoder_options=options)
    assert round(parameters(model) / 1e6, decimals) == millions


@pytest.mark.parametrize(("encoder", "millions"), [("efficientvit_l1", 40), ("efficientvit_l2", 51)])
def test_it_has_as_many_parameters_as_published_for_ade20k(encoder, millions):
    options = LARGE | {"width": 128, "final_expansion": 8}
    with torch.device("meta"):
        model = segzoo.create_model(encoder, "efficientvit", classes=150, decoder_options=options)
    assert round(parameters(model) / 1e6) == millions


def test_a_fused_bottleneck_is_a_3x3_and_a_1x1_convolution_around_a_shortcut():
    torch.manual_seed(0)
    block = FusedBottleneck(8, 4, "gelu_tanh").eval()
    features = torch.rand(1, 8, 5, 6)
    (widen, widen_norm, act), (narrow, narrow_norm, _) = block
    assert (widen.weight.shape, narrow.weight.shape) == ((32, 8, 3, 3), (8, 32, 1, 1))
    expected = features + narrow_norm(narrow(act(widen_norm(widen(features)))))
    torch.testing.assert_close(block(features), expected)
    assert torch.equal(act(features), F.gelu(features, approximate="tanh"))
