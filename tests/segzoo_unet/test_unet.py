import pytest
import segmentation_models_pytorch as smp
import torch
from smp_parity import (
    HEAD,
    MIT_ENCODER,
    TIMM_ENCODER,
    UP_STEP,
    assert_same_gradients,
    assert_same_logits,
    carry_over,
    parameters,
    without_chance,
)
from synthetic import PATTERNS, synthetic
from torch import nn

import segzoo

DECODER = [
    (r"^decoder\.blocks\.", "decoder.steps."),
    (r"^decoder\.center\.(\d)\.0\.", r"decoder.center.\1.conv."),
    (r"^decoder\.center\.(\d)\.1\.", r"decoder.center.\1.norm."),
    *UP_STEP,
]


def counterparts(encoder, decoder_options, center=False, **peer_options):
    """SMP's U-Net and ours with its weights; SMP's last step has an attention that it never calls."""
    torch.manual_seed(0)
    peer = smp.Unet(encoder, encoder_weights=None, classes=5, **peer_options)
    peer.decoder.blocks[-1].attention1 = nn.Identity()
    if center:  # SMP has it for VGG alone
        peer.decoder.center = smp.decoders.unet.decoder.UnetCenterBlock(*[peer.encoder.out_channels[-1]] * 2)
    model = segzoo.create_model(encoder, "unet", classes=5, decoder_options=decoder_options)
    rules = [*HEAD, *(MIT_ENCODER if encoder.startswith("mit") else TIMM_ENCODER), *DECODER]
    carry_over(peer, model, rules)
    return without_chance(peer), without_chance(model), rules


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", "unet", classes=19)
    assert parameters(model) == 32_523_715


@pytest.mark.parametrize("encoder", ["resnet34", "mit_b0"])
@pytest.mark.parametrize(
    ("decoder_options", "peer_options"),
    [({}, {}), ({"center": True}, {"center": True}), ({"norm": None}, {"decoder_use_norm": False})],
)
def test_logits_are_smp_s(encoder, decoder_options, peer_options):
    peer, model, _ = counterparts(encoder, decoder_options, **peer_options)
    assert_same_logits(peer, model, torch.rand(2, 3, 64, 96))


@pytest.mark.parametrize("encoder", ["resnet34", "mit_b0"])
def test_logits_with_scse_are_smp_s(encoder):
    """In float64: with random weights SMP's float32 is itself 1.3e-4 off its float64."""
    peer, model, _ = counterparts(encoder, {"attention": "scse"}, decoder_attention_type="scse")
    assert_same_logits(peer.double(), model.double(), torch.rand(2, 3, 64, 96).double())


@pytest.mark.parametrize(
    ("encoder", "decoder_options", "peer_options"),
    [
        ("resnet34", {}, {}),
        ("mit_b0", {}, {}),
        ("resnet34", {"attention": "scse", "center": True}, {"decoder_attention_type": "scse", "center": True}),
    ],
)
def test_gradients_are_smp_s(encoder, decoder_options, peer_options):
    peer, model, rules = counterparts(encoder, decoder_options, **peer_options)
    assert_same_gradients(peer, model, torch.rand(2, 3, 32, 64), rules)


@pytest.mark.parametrize("attention", [None, "gate", "scse"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_takes_encoders_of_every_kind(pattern, attention):
    segzoo.plan(synthetic(pattern), "unet", decoder_options={"attention": attention, "center": True})


@pytest.mark.parametrize("attention", ["gate", "scse"])
@pytest.mark.parametrize("pattern", ["resnet", "levit"])
def test_every_parameter_gets_a_gradient(pattern, attention):
    model = segzoo.create_model(
        synthetic(pattern), "unet", classes=3, decoder_options={"attention": attention, "center": True}
    )
    logits = model.train()(torch.rand(1, 3, 97, 131))
    logits.square().mean().backward()
    assert logits.shape == (1, 3, 97, 131)
    assert not [name for name, parameter in model.decoder.named_parameters() if parameter.grad is None]


def test_a_centre_of_one_pixel_trains_with_a_batch_of_one():
    model = segzoo.create_model(synthetic("levit"), "unet", classes=3, decoder_options={"center": True})
    assert model.train()(torch.rand(1, 3, 64, 64)).isfinite().all()


def test_only_skips_with_channels_are_gated():
    model = segzoo.create_model(synthetic("mit"), "unet", classes=3, decoder_options={"attention": "gate"})
    assert [hasattr(step, "gates") for step in model.decoder.steps] == [True, True, True, False, False]


def test_a_closed_gate_lets_nothing_of_the_skip_through():
    model = segzoo.create_model(synthetic("resnet"), "unet", classes=3, decoder_options={"attention": "gate"})
    gate = model.decoder.steps[0].gates[0]
    nn.init.constant_(gate.weigh.bias, -1e9)
    skip = torch.rand(1, model.decoder.stages.channels[-2], 8, 8)
    assert gate(skip, torch.rand(1, model.decoder.stages.channels[-1], 4, 4)).abs().max() == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"widths": [16]}, "a width for each of 5 steps"),
        ({"widths": [64, 32, 16, 8, 0]}, "a width for each of 5 steps"),
        ({"attention": "self"}, r"one of \(None, 'gate', 'scse'\), got 'self'"),
    ],
)
def test_options_out_of_range_are_refused(options, told):
    with pytest.raises(segzoo.OptionError, match=told):
        segzoo.plan(synthetic("resnet"), "unet", decoder_options=options)


@pytest.mark.parametrize("norm", [None, "layernorm2d", "groupnorm1"])
def test_the_norm_is_a_choice(norm):
    segzoo.plan(synthetic("resnet"), "unet", decoder_options={"norm": norm})
