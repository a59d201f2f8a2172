from itertools import product

import pytest
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic
from torch.nn import functional as F

import segzoo
from segzoo_pointrend.points import PointHead, sample, uncertainty

CHANNELS = (8, 16, 24, 32, 40)
TINY = {"inner_options": {"width": 32, "pyramid_width": 16}, "pixels_per_point": 100, "width": 16}


def model_of(pattern="resnet", classes=3, **options):
    return segzoo.create_model(synthetic(pattern), "pointrend", classes=classes, decoder_options=TINY | options)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_takes_its_inner_decoder_s_stages_and_the_sizes_of_finer_strides(pattern):
    plan, inner = (segzoo.plan(synthetic(pattern), decoder) for decoder in ("pointrend", "fpn"))
    of = dict(zip(plan.stages, plan.roles, strict=True))
    assert {stage: role for stage, role in of.items() if role == "lateral"} == dict.fromkeys(inner.stages, "lateral")
    finest = plan.spec.strides[inner.stages[0]]
    sizes = [plan.spec.strides[stage] for stage, role in of.items() if role == "size"]
    assert sizes == [stride for stride in (1, 2, 4, 8) if stride in plan.spec.strides and stride < finest]


def test_points_are_predicted_from_stride_4_where_the_inner_decoder_is_coarser():
    plan = segzoo.plan(synthetic("resnet"), "pointrend", decoder_options={"inner": "lightham"})
    assert dict(zip(plan.stages, plan.roles, strict=True))[2] == "points"


def test_growing_ends_where_it_is_told_to():
    model = model_of(finest_stride=2).eval()
    features = [torch.rand(1, each, 64 // 2**place, 48 // 2**place) for place, each in enumerate(CHANNELS)]
    assert model.plan.stages == (1, 2, 3, 4, 5)
    assert model.decoder(features).shape == (1, 3, 64, 48)


def test_an_inner_decoder_at_the_image_s_resolution_is_refused():
    with pytest.raises(segzoo.OptionError, match=r"'unet' to stride 1, and that one's finest stage has stride 1"):
        segzoo.plan(synthetic("resnet"), "pointrend", decoder_options={"inner": "unet"})


def test_it_has_the_parameters_of_the_paper_s_network_of_points():
    """Section 3.3 and 4: three hidden layers of 256, each told the K coarse logits; a classifier."""
    fine, classes, width = 256, 19, 256
    expected = (fine + classes + 1) * width + 2 * (width + classes + 1) * width + (width + classes + 1) * classes
    assert parameters(PointHead(fine, classes, width, layers=3)) == expected


def bilinear(features, x, y):
    """What stands at a point of a map (C, h, w), with the border's cells repeated outside."""
    height, width = features.shape[-2:]
    column, row = x * width - 0.5, y * height - 0.5
    total = 0.0
    for i, j in product((int(row // 1), int(row // 1) + 1), (int(column // 1), int(column // 1) + 1)):
        share = (1 - abs(row - i)) * (1 - abs(column - j))
        total = total + share * features[:, min(max(i, 0), height - 1), min(max(j, 0), width - 1)]
    return total


def rendered(head, logits, coarse, fine, pixels_per_point):
    """One image's logits (K, h, w), the least certain pixels predicted anew one by one."""
    height, width = logits.shape[-2:]
    best = logits.sort(dim=0, descending=True).values
    margins = {(i, j): float(best[0, i, j] - best[1, i, j]) for i, j in product(range(height), range(width))}
    result = logits.clone()
    for i, j in sorted(margins, key=margins.__getitem__)[: -(-height * width // pixels_per_point)]:
        x, y = (j + 0.5) / width, (i + 0.5) / height
        told, seen = bilinear(coarse, x, y), bilinear(fine, x, y)
        for layer in head.layers:
            seen = (layer.weight @ torch.cat([seen, told]) + layer.bias).clamp_min(0)
        result[:, i, j] = head.classify.weight @ torch.cat([seen, told]) + head.classify.bias
    return result


@pytest.mark.parametrize("pixels_per_point", [1, 2, 300])
@pytest.mark.parametrize("size", [(33, 47), (5, 9)])
def test_it_is_what_a_plain_loop_over_pixels_computes(pixels_per_point, size):
    model = model_of(pixels_per_point=pixels_per_point).double().eval()
    decoder = model.decoder
    with torch.no_grad():
        features = model.encoder(torch.rand(2, 3, *size, dtype=torch.float64))
        found = decoder([features[stage] for stage in model.plan.stages])
        coarse = decoder.classify(decoder.inner(features[2:]))
        for image, result in enumerate(found):
            logits = coarse[image]
            for finer in (features[1], features[0]):
                grown = F.interpolate(logits[None], finer.shape[-2:], mode="bilinear")[0]
                logits = rendered(decoder.head, grown, coarse[image], features[2][image], pixels_per_point)
            torch.testing.assert_close(result, logits)


def test_most_pixels_are_the_inner_decoder_s():
    model = model_of(finest_stride=2).eval()
    decoder = model.decoder
    features = [torch.rand(2, each, 64 // 2**place, 48 // 2**place) for place, each in enumerate(CHANNELS)]
    coarse = decoder.classify(decoder.inner(features[1:]))
    grown = F.interpolate(coarse, (64, 48), mode="bilinear")
    anew = (decoder(features) - grown).abs().amax(dim=1) > 0
    assert anew.sum(dim=(1, 2)).tolist() == [31, 31]  # of 64 x 48, one in 100


def test_one_class_is_uncertain_where_its_logit_is_near_zero():
    logits = torch.tensor([[[[3.0, -0.1], [-2.0, 0.5]]]])
    assert uncertainty(logits).flatten().argsort(descending=True).tolist() == [1, 3, 2, 0]


def test_the_centres_of_a_map_s_cells_hold_its_values():
    features = torch.rand(2, 5, 3, 4)
    places = segzoo.nn.cell_centres(features).expand(2, -1, -1)
    assert torch.allclose(sample(features, places), features.flatten(2).transpose(1, 2), atol=1e-6)


@pytest.mark.parametrize("classes", [1, 3])
def test_the_loss_of_the_logits_reaches_both_networks(classes):
    model = model_of(classes=classes).train()
    model(torch.rand(1, 3, 64, 64)).square().mean().backward()
    for classifier in (model.decoder.head.classify, model.decoder.classify):
        assert classifier.weight.grad.abs().sum() > 0


def test_in_bfloat16_it_is_near_where_all_pixels_are_predicted_anew():
    model, image = model_of(pixels_per_point=1).eval(), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = model(image)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = model(image).float()
    assert (found - expected).abs().max() < 0.1 * expected.abs().max()
