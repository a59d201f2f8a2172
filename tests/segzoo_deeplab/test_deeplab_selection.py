import pytest
from synthetic import PATTERNS, synthetic

import segzoo

OF_THE_DEEPEST = ["deeplabv3", "fcn"]
OF_TWO = ["deeplabv3plus", "lraspp"]


@pytest.mark.parametrize("decoder", OF_THE_DEEPEST)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_deepest_map_is_taken(decoder, pattern):
    plan = segzoo.plan(synthetic(pattern), decoder)
    assert plan.stages == (plan.spec.native[-1],)


@pytest.mark.parametrize(
    ("pattern", "v3plus", "lraspp"),
    [
        ("resnet", (4, 32), (8, 32)),
        ("mit", (4, 32), (8, 32)),
        ("plain_vit", (4, 32), (4, 32)),
        ("patch_14", (4, 32), (4, 32)),
        ("dilated", (4, 8), (8, 8)),
        ("levit", (16, 64), (16, 64)),
        ("vgg", (4, 32), (8, 32)),
        ("few", (2, 4), (2, 4)),
    ],
)
def test_the_low_level_map_is_the_coarsest_that_is_fine_enough_or_else_the_finest(pattern, v3plus, lraspp):
    for decoder, strides in (("deeplabv3plus", v3plus), ("lraspp", lraspp)):
        plan = segzoo.plan(synthetic(pattern), decoder)
        assert plan.spec.select(plan.stages).strides == strides
        assert set(plan.neck_stages) <= set(plan.stages)


def test_another_stride_of_the_low_level_map_is_noted():
    assert "low-level features at stride 16: none at 4" in segzoo.plan(synthetic("levit"), "deeplabv3plus").notes


@pytest.mark.parametrize(
    ("decoder", "output_stride"), [("deeplabv3", 8), ("fcn", 8), ("deeplabv3plus", 16), ("lraspp", 16)]
)
def test_the_encoder_is_dilated(decoder, output_stride):
    plan = segzoo.plan("resnet18", decoder)
    assert plan.spec.strides[plan.stages[-1]] == output_stride


@pytest.mark.parametrize("decoder", [*OF_THE_DEEPEST, *OF_TWO])
@pytest.mark.parametrize(("output_stride", "stride"), [(None, 32), (16, 16), (8, 8)])
def test_the_output_stride_is_an_option(decoder, output_stride, stride):
    plan = segzoo.plan("resnet18", decoder, decoder_options={"output_stride": output_stride})
    assert plan.spec.strides[plan.stages[-1]] == stride


@pytest.mark.parametrize("decoder", [*OF_THE_DEEPEST, *OF_TWO])
def test_an_encoder_that_can_t_be_dilated_is_noted_and_taken(decoder):
    assert any("output_stride" in note for note in segzoo.plan(synthetic("resnet"), decoder).refusals)


@pytest.mark.parametrize("decoder", [*OF_THE_DEEPEST, *OF_TWO])
def test_an_encoder_that_is_fine_enough_is_not_asked_for_dilation(decoder):
    assert not segzoo.plan(synthetic("dilated"), decoder).refusals


@pytest.mark.parametrize("decoder", [*OF_THE_DEEPEST, *OF_TWO])
def test_an_encoder_that_gives_the_image_alone_is_refused(decoder):
    with pytest.raises(segzoo.NegotiationError, match=f"{decoder} needs"):
        segzoo.plan(synthetic("image_alone"), decoder)


@pytest.mark.parametrize("decoder", OF_TWO)
def test_an_encoder_of_one_map_is_refused_where_two_are_needed(decoder):
    with pytest.raises(segzoo.NegotiationError, match=f"{decoder} needs two maps.*offers one, of stride 2"):
        segzoo.plan(synthetic("one_stage"), decoder)
