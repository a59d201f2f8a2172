import pytest
import segmentation_models_pytorch as smp
import torch
from smp_parity import (
    HEAD,
    MIT_ENCODER,
    TIMM_ENCODER,
    assert_same_gradients,
    assert_same_logits,
    carry_over,
    parameters,
    without_chance,
)
from synthetic import PATTERNS, synthetic

import segzoo

LEVELS = [
    (r"^decoder\.p5\.", "decoder.laterals.3."),
    *((rf"^decoder\.p{level}\.skip_conv\.", f"decoder.laterals.{level - 2}.") for level in (2, 3, 4)),
    *((rf"^decoder\.seg_blocks\.{i}\.block\.", f"decoder.branches.{3 - i}!convs.") for i in range(4)),
    (r"!", "."),
    (r"\.block\.0\.", ".conv."),
    (r"\.block\.1\.", ".norm."),
]


def counterparts(encoder, merge="add"):
    """SMP's FPN and ours with its weights, 5 classes."""
    torch.manual_seed(0)
    peer = smp.FPN(encoder, encoder_weights=None, classes=5, decoder_merge_policy=merge)
    model = segzoo.create_model(
        encoder, "fpn", classes=5, decoder_options={"merge": merge, "align_corners": True, "dropout": 0.0}
    )
    rules = [*HEAD, *(MIT_ENCODER if encoder.startswith("mit") else TIMM_ENCODER), *LEVELS]
    carry_over(peer, model, rules)
    return without_chance(peer), without_chance(model), rules


every_variant = pytest.mark.parametrize(
    ("encoder", "merge"), [("resnet34", "add"), ("resnet34", "cat"), ("mit_b0", "add")]
)


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        assert parameters(segzoo.create_model("resnet50", "fpn", classes=19)) == 26_118_355


@every_variant
def test_its_logits_are_smp_s(encoder, merge):
    peer, model, _ = counterparts(encoder, merge)
    assert_same_logits(peer, model, torch.rand(2, 3, 64, 96))


@every_variant
def test_its_gradients_are_smp_s(encoder, merge):
    peer, model, rules = counterparts(encoder, merge)
    assert_same_gradients(peer, model, torch.rand(2, 3, 64, 96), rules)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_of_strides_is_taken(pattern):
    plan = segzoo.plan(synthetic(pattern), "fpn")
    assert min(plan.spec.select(plan.stages).strides) >= 4


@pytest.mark.parametrize("merge", ["add", "cat"])
@pytest.mark.parametrize("pattern", ["levit", "plain_vit"])
def test_logits_have_the_image_s_size(pattern, merge):
    model = segzoo.create_model(synthetic(pattern), "fpn", classes=4, decoder_options={"merge": merge}).eval()
    assert model(torch.rand(1, 3, 97, 131)).shape == (1, 4, 97, 131)


@pytest.mark.parametrize("option", [{"width": 48}, {"pyramid_width": 0}, {"dropout": 1.0}, {"merge": "mean"}])
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match="fpn needs"):
        segzoo.plan(synthetic("resnet"), "fpn", decoder_options=option)
