import pytest
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo


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
    ],
)
def test_it_has_as_many_parameters_as_published_for_cityscapes(encoder, options, millions, decimals):
    with torch.device("meta"):
        model = segzoo.create_model(encoder, "efficientvit", classes=19, decoder_options=options)
    assert round(parameters(model) / 1e6, decimals) == millions
