import pytest
import torch
from synthetic import PATTERNS, synthetic
from torch.nn import functional as F

import segzoo
from segzoo.nn import resize
from segzoo_ppliteseg.decoder import AttentionFusion, ChannelAttention, SimplePyramidPooling, SpatialAttention

SMALL = {"widths": [12, 8, 6]}


def conv(in_channels, out_channels, kernel):
    """Parameters of a convolution with its norm."""
    return in_channels * out_channels * kernel**2 + 2 * out_channels


@pytest.mark.parametrize("pattern", [each for each in PATTERNS if each != "few"])
def test_it_takes_each_map_from_stride_8_on(pattern):
    plan = segzoo.plan(synthetic(pattern), "ppliteseg")
    assert plan.stages == tuple(stage for stage in plan.spec.native if plan.spec.strides[stage] >= 8)


@pytest.mark.parametrize("widths", [[128, 96, 64], [128, 64, 32]])  # PP-LiteSeg-B's and -T's
@pytest.mark.parametrize("attention", ["spatial", "channel"])
def test_it_has_the_parameters_of_the_paper_s_modules(widths, attention):
    coarse, middle, fine = widths
    options = {"widths": widths, "attention": attention}
    plan = segzoo.plan(synthetic("resnet"), "ppliteseg", decoder_options=options)
    pooling = 3 * conv(40, coarse, 1) + conv(coarse, coarse, 3)
    fusions = conv(32, coarse, 3) + conv(coarse, middle, 3) + conv(24, middle, 3) + conv(middle, fine, 3)
    spatial = 2 * (conv(4, 2, 3) + conv(2, 1, 3))
    channel = sum(conv(4 * width, width // 2, 1) + conv(width // 2, width, 1) for width in (coarse, middle))
    head = conv(fine, fine, 3)
    assert plan.decoder.parameters == pooling + fusions + (spatial if attention == "spatial" else channel) + head


def test_the_default_is_that_of_b():
    default, given = (
        segzoo.plan(synthetic("resnet"), "ppliteseg", decoder_options=options)
        for options in ({}, {"widths": [128, 96, 64]})
    )
    assert default.decoder == given.decoder


def test_a_width_is_needed_for_each_stage():
    with pytest.raises(segzoo.OptionError, match=r"a width for each of 3 stages, coarse to fine, got \[8, 8\]"):
        segzoo.plan(synthetic("resnet"), "ppliteseg", decoder_options={"widths": [8, 8]})


@pytest.mark.parametrize("attention", ["spatial", "channel"])
@pytest.mark.parametrize("size", [(97, 131), (8, 8)])
def test_it_trains_at_any_size_with_a_batch_of_one(attention, size):
    options = SMALL | {"attention": attention}
    model = segzoo.create_model(synthetic("resnet"), "ppliteseg", classes=3, decoder_options=options).train()
    logits = model(torch.rand(1, 3, *size))
    logits.square().mean().backward()
    assert logits.shape == (1, 3, *size)
    assert all(parameter.grad.isfinite().all() for parameter in model.decoder.parameters())


def test_the_pooled_maps_are_summed():
    pooling, features = SimplePyramidPooling(6, 4, grids=(1, 2, 4)).eval(), torch.rand(2, 6, 9, 7)
    grown = 0
    for cells, branch in zip((1, 2, 4), pooling.pooling.branches, strict=True):
        grown = grown + F.interpolate(branch(F.adaptive_avg_pool2d(features, cells)), size=(9, 7), mode="bilinear")
    torch.testing.assert_close(pooling(features), pooling.smooth(grown))


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_the_weight_is_of_what_comes_from_below_and_the_rest_of_the_skip(weight):
    fusion = AttentionFusion(6, 4, 5, "spatial").eval()
    fusion.attention.forward = lambda grown, skip: torch.full_like(grown[:, :1], weight)
    below, skip = torch.rand(2, 6, 3, 2), torch.rand(2, 4, 5, 4)
    fused = weight * resize(below, (5, 4)) + (1 - weight) * fusion.lateral(skip)
    torch.testing.assert_close(fusion(below, skip), fusion.smooth(fused))


def test_pixels_are_weighed_by_means_and_maxima_of_their_channels():
    attention, grown, skip = SpatialAttention().eval(), torch.rand(2, 6, 3, 5), torch.rand(2, 6, 3, 5)
    described = torch.stack([grown.mean(1), grown.max(1).values, skip.mean(1), skip.max(1).values], dim=1)
    torch.testing.assert_close(attention(grown, skip), attention.weigh(described).sigmoid())


def test_channels_are_weighed_by_means_and_maxima_of_all_pixels():
    attention, grown, skip = ChannelAttention(6).eval(), torch.rand(2, 6, 3, 5), torch.rand(2, 6, 3, 5)
    pools = (F.adaptive_avg_pool2d, F.adaptive_max_pool2d)
    described = torch.cat([pool(each, 1) for each in (grown, skip) for pool in pools], dim=1)
    torch.testing.assert_close(attention(grown, skip), attention.weigh(described).sigmoid())


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["spatial", "channel"])
def test_it_computes_the_same_in_onnx_runtime_at_sizes_that_were_not_traced(attention, tmp_path):
    pytest.importorskip("onnxscript")
    options = SMALL | {"attention": attention}
    model = segzoo.create_model(synthetic("resnet"), "ppliteseg", classes=3, decoder_options=options).eval()
    segzoo.export(model, tmp_path / "model.onnx")  # which verifies them
