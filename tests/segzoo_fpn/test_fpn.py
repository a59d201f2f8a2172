import pytest
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        assert parameters(segzoo.create_model("resnet50", "fpn", classes=19)) == 26_118_355


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
