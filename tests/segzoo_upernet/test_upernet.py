import pytest
import torch
from fcn_head import FCNHead
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo

MMSEGMENTATION = {"width": 512, "dropout": 0.1}


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        assert parameters(segzoo.create_model("resnet50", "upernet", classes=19)) == 37_289_299


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
