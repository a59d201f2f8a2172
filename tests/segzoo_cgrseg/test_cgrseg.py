import pytest
import torch
from synthetic import PATTERNS, synthetic
from torch import nn
from torch.nn import functional as F

import segzoo
from segzoo_cgrseg.calibration import RectangularAttention, RectangularSelfCalibration
from segzoo_cgrseg.context import PyramidContext
from segzoo_cgrseg.decoder import Reconstruction
from segzoo_cgrseg.prototypes import PrototypeGuidedHead

SMALL = {"width": 12, "blocks": 1, "band": 5}


@pytest.mark.parametrize("pattern", [each for each in PATTERNS if each != "few"])
def test_it_takes_each_map_from_stride_8_on(pattern):
    plan = segzoo.plan(synthetic(pattern), "cgrseg", decoder_options=SMALL)
    assert plan.stages == tuple(stage for stage in plan.spec.native if plan.spec.strides[stage] >= 8)


def calibration(channels, band):
    """Parameters of a rectangular self-calibration."""
    attention = channels * (3 * 3 + 1) + 2 * channels * (band + 1) + 2 * channels
    return attention + 2 * channels + 2 * channels * (channels + 1) + channels * (2 * channels + 1) + channels


@pytest.mark.parametrize(("width", "blocks", "band"), [(128, 5, 11), (256, 6, 11), (256, 5, 9)])  # T, B, L
def test_it_has_the_parameters_of_the_paper_s_modules(width, blocks, band):
    options = {"width": width, "blocks": blocks, "band": band}
    plan = segzoo.plan(synthetic("resnet"), "cgrseg", classes=150, decoder_options=options)
    context = blocks * calibration(24 + 32 + 40, band)
    fusions = sum(calibration(channels, band) + 2 * (channels * width + 2 * width) for channels in (24, 32, 40))
    projections = (24 + 32) * (width + 1)
    guide = 3 * width + width + 1 + 2 * width * (width + 1) + 2 * width
    assert plan.decoder.parameters == context + fusions + projections + guide + 150 * (width + 1)


def test_the_default_is_that_of_t():
    default, given = (
        segzoo.plan(synthetic("resnet"), "cgrseg", decoder_options=options)
        for options in ({}, {"width": 128, "blocks": 5, "band": 11})
    )
    assert default.decoder == given.decoder


@pytest.mark.parametrize("size", [(97, 131), (8, 8)])
@pytest.mark.parametrize("classes", [1, 3])
def test_it_trains_at_any_size_with_a_batch_of_one(size, classes):
    model = segzoo.create_model(synthetic("resnet"), "cgrseg", classes=classes, decoder_options=SMALL).train()
    logits = model(torch.rand(1, 3, *size))
    logits.square().mean().backward()
    assert logits.shape == (1, classes, *size)
    assert all(parameter.grad.isfinite().all() for parameter in model.decoder.parameters())


def test_a_rectangle_is_the_sum_of_each_row_s_and_each_column_s_mean():
    attention, features = RectangularAttention(6, band=5).eval(), torch.rand(2, 6, 4, 7)
    rows, columns = F.adaptive_avg_pool2d(features, (4, 1)), F.adaptive_avg_pool2d(features, (1, 7))
    rectangle = rows.expand(-1, -1, -1, 7) + columns.expand(-1, -1, 4, -1)
    expected = attention.calibrate(rectangle).sigmoid() * attention.details(features)
    torch.testing.assert_close(attention(features), expected)


def test_a_calibration_starts_as_next_to_nothing():
    features = torch.rand(2, 6, 4, 7)
    difference = RectangularSelfCalibration(6, band=5)(features) - features
    assert 0 < difference.abs().max() < 1e-4


@pytest.mark.parametrize("coarsest", [(1, 1), (5, 4)])
def test_the_context_is_of_all_maps_at_half_the_coarsest_s_size(coarsest):
    half = tuple((side + 1) // 2 for side in coarsest)
    context = PyramidContext([3, 5], blocks=1, band=3).eval()
    features = [torch.rand(2, 3, 9, 7), torch.rand(2, 5, *coarsest)]
    joined = torch.cat([F.adaptive_avg_pool2d(each, half) for each in features], dim=1)
    for found, expected in zip(context(features), context.blocks(joined).split([3, 5], dim=1), strict=True):
        torch.testing.assert_close(found, expected)


def test_the_context_weighs_what_is_reconstructed():
    reconstruct = Reconstruction(6, 4, band=3).eval()
    feature, context = torch.rand(2, 6, 5, 4), torch.rand(2, 6, 3, 2)
    weight = F.interpolate(F.relu6(reconstruct.context(context) + 3) / 6, size=(5, 4), mode="bilinear")
    expected = reconstruct.local(reconstruct.calibrate(feature)) * weight
    torch.testing.assert_close(reconstruct(feature, context), expected)


def test_prototypes_weigh_the_channels():
    head, features = PrototypeGuidedHead(6, classes=3, dropout=0.0).eval(), torch.rand(2, 6, 4, 5)
    nn.init.normal_(head.weigh[-1].weight)
    coarse, expected = head.classifier(head.mix(features)), []
    for pixels, logits in zip(features, coarse, strict=True):
        shares = [logits[each].flatten().softmax(dim=0).view(4, 5) for each in range(3)]
        prototypes = torch.stack([(pixels * share).sum(dim=(1, 2)) for share in shares], dim=1)  # (6, 3)
        attention = (head.attend.weight[0, :, 0, 0] @ prototypes + head.attend.bias).softmax(dim=0)
        weight = head.weigh((prototypes @ attention).view(1, 6, 1, 1)).sigmoid()
        expected.append(head.classifier(pixels * weight + pixels))
    torch.testing.assert_close(head(features), torch.cat(expected))


def test_every_channel_starts_with_the_same_weight():
    head, features = PrototypeGuidedHead(6, classes=3, dropout=0.0).eval(), torch.rand(2, 6, 4, 5)
    torch.testing.assert_close(head(features), head.classifier(1.5 * features))


@pytest.mark.slow
def test_it_computes_the_same_in_onnx_runtime_at_sizes_that_were_not_traced(tmp_path):
    pytest.importorskip("onnxscript")
    model = segzoo.create_model(synthetic("resnet"), "cgrseg", classes=3, decoder_options=SMALL).eval()
    segzoo.export(model, tmp_path / "model.onnx")  # which verifies them
