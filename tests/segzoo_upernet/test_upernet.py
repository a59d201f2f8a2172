import pytest
import segmentation_models_pytorch as smp
import torch
from fcn_head import FCNHead
from smp_parity import (
    HEAD,
    TIMM_ENCODER,
    assert_same_gradients,
    assert_same_logits,
    carry_over,
    parameters,
    renamed,
    without_chance,
)
from synthetic import PATTERNS, synthetic
from transformers import UperNetConfig
from transformers.models.upernet.modeling_upernet import UperNetHead

import segzoo

LEVELS = [
    (r"^decoder\.feature_norms\.", "decoder.input_norms."),
    (r"^decoder\.psp\.blocks\.(\d)\.1\.", r"decoder.pooling.branches.\1."),
    (r"^decoder\.psp\.out_conv\.", "decoder.context."),
    *((rf"^decoder\.fpn_lateral_blocks\.{i}\.conv_norm_relu\.", f"decoder.laterals!{2 - i}.") for i in range(3)),
    *((rf"^decoder\.fpn_conv_blocks\.{i}\.", f"decoder.smooth!{2 - i}.") for i in range(3)),
    (r"!", "."),
    (r"^decoder\.fusion_block\.", "decoder.fuse."),
    (r"^(decoder\.(?!input_norms).*)\.0\.(\w+)$", r"\1.conv.\2"),
    (r"^(decoder\.(?!input_norms).*)\.1\.(\w+)$", r"\1.norm.\2"),
]
TRANSFORMERS = [
    (r"^classifier\.", "head.classifiers.logits.conv."),
    (r"^psp_modules\.(\d)\.1\.", r"decoder.pooling.branches.\1."),
    (r"^bottleneck\.", "decoder.context."),
    (r"^lateral_convs\.", "decoder.laterals."),
    (r"^fpn_convs\.", "decoder.smooth."),
    (r"^fpn_bottleneck\.", "decoder.fuse."),
    (r"\.batch_norm\.", ".norm."),
]
MMSEGMENTATION = {"width": 512, "dropout": 0.1}


def counterparts():
    """SMP's UPerNet and ours with its weights, 5 classes."""
    torch.manual_seed(0)
    peer = smp.UPerNet("resnet34", encoder_weights=None, classes=5)
    model = segzoo.create_model("resnet34", "upernet", classes=5, decoder_options={"align_corners": True})
    rules = [*HEAD, *TIMM_ENCODER, *LEVELS]
    carry_over(peer, model, rules)
    return without_chance(peer), without_chance(model), rules


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        assert parameters(segzoo.create_model("resnet50", "upernet", classes=19)) == 37_289_299


def test_its_logits_are_smp_s():
    peer, model, _ = counterparts()
    assert_same_logits(peer, model, torch.rand(2, 3, 64, 96))


def test_its_gradients_are_smp_s():
    peer, model, rules = counterparts()
    assert_same_gradients(peer, model, torch.rand(2, 3, 64, 96), rules)


@pytest.mark.parametrize(
    ("encoder", "options", "millions"),
    [
        ("swin_tiny_patch4_window7_224", {}, 59.94),
        ("convnext_tiny", {}, 60.24),
        ("resnet50c", {"input_norm": False}, 66.52),
    ],
)
def test_it_has_as_many_parameters_as_mmsegmentation_s(encoder, options, millions):
    with torch.device("meta"):
        model = segzoo.create_model(encoder, "upernet", classes=150, decoder_options=MMSEGMENTATION | options)
        auxiliary = FCNHead(model.encoder.spec.channels[4], classes=150)
    assert round((parameters(model) + parameters(auxiliary)) / 1e6, 2) == millions


def test_its_logits_are_those_of_transformers_on_the_same_features():
    torch.manual_seed(0)
    peer = UperNetHead(UperNetConfig(hidden_size=24, num_labels=5), in_channels=[16, 24, 32, 40]).eval()
    options = {"width": 24, "input_norm": False}
    model = segzoo.create_model(synthetic("mit"), "upernet", classes=5, decoder_options=options).eval()
    missing = model.load_state_dict(renamed(peer.state_dict(), TRANSFORMERS), strict=False)
    assert not missing.unexpected_keys
    assert all(name.startswith("encoder.") for name in missing.missing_keys)
    with torch.no_grad():
        features = model.encoder(torch.rand(2, 3, 97, 131))[2:]
        torch.testing.assert_close(model.head.classifiers["logits"](model.decoder(features)), peer(features))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_of_strides_is_taken(pattern):
    plan = segzoo.plan(synthetic(pattern), "upernet")
    assert min(plan.spec.select(plan.stages).strides) >= 4


@pytest.mark.parametrize("pattern", ["levit", "patch_14"])
def test_logits_have_the_image_s_size(pattern):
    model = segzoo.create_model(synthetic(pattern), "upernet", classes=4, decoder_options={"width": 16}).eval()
    assert model(torch.rand(1, 3, 97, 131)).shape == (1, 4, 97, 131)


def test_every_parameter_learns():
    model = segzoo.create_model(synthetic("mit"), "upernet", classes=4, decoder_options={"width": 16})
    model(torch.rand(2, 3, 97, 131)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("option", [{"width": 0}, {"grids": []}, {"grids": [0, 2]}, {"dropout": -0.1}])
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match="upernet needs"):
        segzoo.plan(synthetic("resnet"), "upernet", decoder_options=option)
