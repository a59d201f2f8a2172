import pytest
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo
from segzoo_pan.decoder import halve


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", "pan", classes=19)
    assert parameters(model) == 24_265_018


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


@pytest.mark.parametrize(
    ("output_stride", "strides"), [(8, (4, 8, 8, 8)), (16, (4, 8, 16, 16)), (None, (4, 8, 16, 32))]
)
def test_the_output_stride_is_wished_for(output_stride, strides):
    plan = segzoo.plan("resnet18", "pan", decoder_options={"output_stride": output_stride})
    assert plan.spec.select(plan.stages).strides == strides


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 2), (1, 1)])
def test_halving_is_max_pooling_that_never_ends_in_nothing(size):
    features = torch.rand(1, 2, *size)
    expected = torch.nn.functional.max_pool2d(features, (min(2, size[0]), min(2, size[1])))
    assert torch.equal(halve(features), expected)


@pytest.mark.parametrize(("options", "told"), [({"width": 0}, "got 0"), ({"output_stride": 4}, "8, 16 or None")])
def test_options_out_of_range_are_refused(options, told):
    with pytest.raises(segzoo.OptionError, match=told):
        segzoo.plan(synthetic("resnet"), "pan", decoder_options=options)
