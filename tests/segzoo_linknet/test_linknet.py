import pytest
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", "linknet", classes=19)
    assert parameters(model) == 31_178_371


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_takes_encoders_of_every_kind(pattern):
    segzoo.plan(synthetic(pattern), "linknet")


@pytest.mark.parametrize("pattern", ["resnet", "levit"])
def test_every_parameter_gets_a_gradient_at_any_size(pattern):
    model = segzoo.create_model(synthetic(pattern), "linknet", classes=3).train()
    logits = model(torch.rand(1, 3, 97, 131))
    logits.square().mean().backward()
    assert logits.shape == (1, 3, 97, 131)
    assert not [name for name, parameter in model.decoder.named_parameters() if parameter.grad is None]


def test_where_there_is_nothing_to_add_the_width_is_kept():
    decoder = segzoo.create_model(synthetic("mit"), "linknet", classes=3).decoder
    assert [step.expand.conv.out_channels for step in decoder.steps] == [32, 24, 16, 16, 32]


def test_a_width_out_of_range_is_refused():
    with pytest.raises(segzoo.OptionError, match="a width from 1 on, got 0"):
        segzoo.plan(synthetic("resnet"), "linknet", decoder_options={"width": 0})
