import pytest
import torch
from fcn_head import FCNHead
from smp_parity import parameters
from synthetic import synthetic

import segzoo

MMSEGMENTATION = {"width": 512, "convs": 2, "concat_input": True}


def test_it_has_as_many_parameters_as_torchvision_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", "fcn", classes=21)
        assert parameters(model) + parameters(FCNHead(1024, classes=21)) == 35_322_218


def test_it_has_as_many_parameters_as_mmsegmentation_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet101c", "fcn", classes=150, decoder_options=MMSEGMENTATION)
        auxiliary = FCNHead(1024, classes=150)
    assert round((parameters(model) + parameters(auxiliary)) / 1e6, 1) == 68.6


def test_every_parameter_learns_with_the_input_joined():
    model = segzoo.create_model(synthetic("mit"), "fcn", classes=4, decoder_options=MMSEGMENTATION | {"width": 8})
    model(torch.rand(1, 3, 97, 131)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.decoder.parameters())


@pytest.mark.parametrize("option", [{"width": 0}, {"convs": 0}, {"dropout": 1}, {"output_stride": 7}])
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match=next(iter(option))):
        segzoo.plan(synthetic("resnet"), "fcn", decoder_options=option)
