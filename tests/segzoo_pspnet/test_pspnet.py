import pytest
import timm
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo


def test_it_has_as_many_parameters_as_smp_s_which_counts_two_stages_that_never_run():
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", "pspnet", classes=19, depth=3)
        whole = timm.create_model("resnet50", num_classes=0)
    assert parameters(model) + parameters(whole.layer3) + parameters(whole.layer4) == 24_383_955


def test_the_encoder_is_dilated_to_stride_8():
    plan = segzoo.plan("resnet18", "pspnet")
    assert plan.spec.select(plan.stages).strides == (8,)


def test_an_encoder_that_is_fine_enough_is_left_as_it_is():
    plan = segzoo.plan("resnet18", "pspnet", depth=3)
    assert plan.request.output_stride is None
    assert not plan.refusals


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_of_strides_is_taken_at_its_deepest_map(pattern):
    plan = segzoo.plan(synthetic(pattern), "pspnet")
    assert plan.stages == (plan.spec.native[-1],)


def test_an_encoder_that_gives_the_image_alone_is_refused():
    with pytest.raises(segzoo.NegotiationError, match=r"needs 1 stage\(s\) from stride 2 on"):
        segzoo.plan(synthetic("image_alone"), "pspnet")
