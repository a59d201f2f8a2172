import pytest
import torch
from synthetic import synthetic
from torch.nn import functional as F

import segzoo
from segzoo_emcad.decoder import EUCB, LGAG, EMCADDecoder
from segzoo_emcad.mscam import CAB, MSCB, SAB

PVT_V2_B2 = segzoo.FeatureSpec(channels=(64, 128, 320, 512), strides=(4, 8, 16, 32))


def mscam(channels):
    pointwise = 2 * (2 * channels * channels) + 2 * (2 * channels) + 2 * channels
    depthwise = sum((kernel**2 + 2) * 2 * channels for kernel in (1, 3, 5))
    return channels * (channels // 16) * 2 + 2 * 7 * 7 + pointwise + depthwise


def gated_step(below, channels):
    grow = (9 + 2) * below + below * channels + channels
    inner = channels // 2
    return grow + 2 * (9 * 2 * inner + 2 * inner) + inner + 2 + mscam(channels)


def test_it_has_the_parameters_that_its_equations_have_and_as_many_as_the_paper_says():
    with torch.device("meta"):
        decoder = EMCADDecoder(PVT_V2_B2)
    parameters = sum(each.numel() for each in decoder.parameters())
    assert parameters == mscam(512) + gated_step(512, 320) + gated_step(320, 128) + gated_step(128, 64)
    assert f"{parameters / 1e6:.2f}" == "1.91"


def test_it_ends_at_the_finest_map_from_stride_4_on():
    model = segzoo.create_model(synthetic("resnet"), "emcad", classes=3)
    assert model.plan.stages == (2, 3, 4, 5)
    assert model.decoder.out_channels == model.decoder.stages.channels[0]


def normalised(features):
    """What a batch norm gives that has learned nothing, in eval mode."""
    return features / (1 + 1e-5) ** 0.5


def test_a_skip_is_gated_as_equations_1_and_2_say():
    gate, skip, grown = LGAG(6, kernel=3).eval(), torch.randn(2, 6, 5, 7), torch.randn(2, 6, 5, 7)
    seen = [
        normalised(F.conv2d(each, side.conv.weight, padding=1, groups=3))
        for each, side in ((skip, gate.skip), (grown, gate.gating))
    ]
    attention = normalised(F.conv2d(sum(seen).relu(), gate.weigh.conv.weight)).sigmoid()
    torch.testing.assert_close(gate(skip, grown), attention * skip)


def test_channels_are_weighed_as_equation_7_says():
    attend, features = CAB(32), torch.randn(2, 32, 5, 7)
    first, second = attend.layers[0].weight.flatten(1), attend.layers[2].weight.flatten(1)
    pooled = [features.flatten(2).max(dim=2).values, features.flatten(2).mean(dim=2)]
    weights = sum((each @ first.T).relu() @ second.T for each in pooled).sigmoid()
    torch.testing.assert_close(attend(features), weights[:, :, None, None] * features)


def test_pixels_are_weighed_as_equation_8_says():
    attend, features = SAB(), torch.randn(2, 6, 5, 7)
    largest, mean = features.max(dim=1).values, features.mean(dim=1)
    weights = F.conv2d(torch.stack([largest, mean], dim=1), attend.conv.weight, padding=3).sigmoid()
    torch.testing.assert_close(attend(features), weights * features)


@pytest.mark.parametrize("kernels", [(1, 3, 5), (7,)])
def test_scales_are_summed_as_equations_4_and_5_say(kernels):
    block, features = MSCB(4, kernels, expansion=2).eval(), torch.randn(2, 4, 5, 7)
    expanded = F.relu6(normalised(F.conv2d(features, block.expand.conv.weight)))
    scales = [
        F.relu6(normalised(F.conv2d(expanded, scale.conv.weight, padding=kernel // 2, groups=8)))
        for scale, kernel in zip(block.scales, kernels, strict=True)
    ]
    expected = features + normalised(F.conv2d(sum(scales), block.project.conv.weight))
    torch.testing.assert_close(block(features), expected)


def test_a_map_is_grown_as_equation_9_says():
    grow, features = EUCB(4, 3, "nearest").eval(), torch.randn(2, 4, 3, 4)
    doubled = F.interpolate(features, scale_factor=2)
    convolved = normalised(F.conv2d(doubled, grow.depthwise.conv.weight, padding=1, groups=4)).relu()
    torch.testing.assert_close(grow(features, (6, 8)), grow.pointwise(convolved))
