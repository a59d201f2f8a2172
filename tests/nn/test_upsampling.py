"""The layers that learn to grow a map, against plain and slow ones; and the decoders that have them."""

import math

import pytest
import torch
from synthetic import synthetic
from torch import nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import CARAFE, DySample, SubPixelConv2d, make_upsampler, resize, resize_mode
from segzoo.testing import checks
from segzoo.testing.catalogue import Pattern

SIZES = [(1, 1), (5, 3), (4, 7)]
LEARNED = ("transposed", "pixelshuffle", "dysample", "carafe")
OPTIONS = {
    "unet": {"widths": [16, 12, 8, 8, 4]},
    "fpn": {"width": 64, "pyramid_width": 16},
    "upernet": {"width": 16},
    "segformer": {"width": 16},
}
each_learned = pytest.mark.parametrize("upsample", LEARNED)
each_decoder = pytest.mark.parametrize("decoder", OPTIONS)


# The layers


@each_learned
@pytest.mark.parametrize("factor", [2, 3, 8])
@pytest.mark.parametrize("size", SIZES)
def test_a_map_grows_by_the_factor(upsample, factor, size):
    layer = make_upsampler(upsample, 12, coarse=4 * factor, fine=4)
    assert layer(torch.rand(2, 12, *size)).shape == (2, 12, factor * size[0], factor * size[1])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_dysample_with_offsets_of_zero_is_bilinear_interpolation(factor, size):
    layer, features = DySample(8, factor), torch.rand(2, 8, *size)
    nn.init.zeros_(layer.offsets.weight)
    torch.testing.assert_close(layer(features), F.interpolate(features, scale_factor=factor, mode="bilinear"))


def test_dysample_reads_each_pixel_where_its_offset_says():
    layer, features = DySample(8, 2), torch.rand(2, 8, 5, 3)
    nn.init.normal_(layer.offsets.weight)
    offsets = layer.offsets(features)
    expected = torch.empty(2, 8, 10, 6)
    for image, channel, row, column in torch.cartesian_prod(*map(torch.arange, expected.shape)).tolist():
        group, sub_pixel = channel // 2, row % 2 * 2 + column % 2
        dx, dy = (offsets[image, (2 * group + axis) * 4 + sub_pixel, row // 2, column // 2] * 0.25 for axis in range(2))
        y, x = (row + 0.5) / 2 - 0.5 + dy.item(), (column + 0.5) / 2 - 0.5 + dx.item()
        expected[image, channel, row, column] = bilinear(features[image, channel], y, x)
    torch.testing.assert_close(layer(features), expected)


def bilinear(plane, y, x):
    """One value between the pixels of a plane, whose border goes on forever."""
    height, width = plane.shape
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = math.floor(y), math.floor(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = plane[top, left] * (1 - x + left) + plane[top, right] * (x - left)
    lower = plane[bottom, left] * (1 - x + left) + plane[bottom, right] * (x - left)
    return upper * (1 - y + top) + lower * (y - top)


def test_dysample_starts_near_bilinear_interpolation():
    features = torch.rand(2, 8, 5, 3)
    difference = DySample(8, 2)(features) - F.interpolate(features, scale_factor=2, mode="bilinear")
    assert 0 < difference.abs().max() < 1e-2


def test_channels_that_four_groups_do_not_share_out_have_fewer():
    assert [DySample(channels, 2).groups for channels in (7, 10, 12)] == [1, 2, 4]


@pytest.mark.parametrize("factor", [2, 3])
def test_carafe_reassembles_each_pixel_from_the_coarse_ones_around_it(factor):
    layer, features = CARAFE(6, factor), torch.rand(2, 6, 4, 3)
    nn.init.normal_(layer.encode.weight, std=0.1)
    kernels = F.pixel_shuffle(layer.encode(layer.compress(features)), factor).softmax(dim=1)
    padded = F.pad(features, (2, 2, 2, 2))
    expected = torch.empty(2, 6, 4 * factor, 3 * factor)
    for row in range(4 * factor):
        for column in range(3 * factor):
            around = padded[:, :, row // factor : row // factor + 5, column // factor : column // factor + 5]
            kernel = kernels[:, :, row, column].view(2, 1, 5, 5)
            expected[:, :, row, column] = (around * kernel).sum(dim=(2, 3))
    torch.testing.assert_close(layer(features), expected)


def test_a_sub_pixel_convolution_starts_without_checkerboards():
    layer, features = SubPixelConv2d(6, 3), torch.rand(2, 6, 4, 5)
    grown = layer(features)
    assert torch.equal(grown, resize(grown[..., ::3, ::3], (12, 15), "nearest"))


@pytest.mark.parametrize(
    ("upsample", "parameters"),
    [
        ("transposed", 16 * 16 * 4 + 16),
        ("pixelshuffle", (16 * 9 + 1) * 16 * 4),
        ("dysample", (16 + 1) * 2 * 4 * 4),
        ("carafe", (16 + 1) * 64 + (64 * 9 + 1) * 25 * 4),
    ],
)
def test_it_has_the_parameters_that_its_paper_says(upsample, parameters):
    layer = make_upsampler(upsample, 16, coarse=8, fine=4)
    assert sum(parameter.numel() for parameter in layer.parameters()) == parameters


@pytest.mark.parametrize("upsample", ["nearest", "bilinear", "bicubic"])
def test_an_interpolation_is_left_to_the_resize(upsample):
    assert isinstance(make_upsampler(upsample, 16, coarse=14, fine=4), nn.Identity)
    assert resize_mode(upsample) == upsample


@each_learned
@pytest.mark.parametrize("coarse", [4, 8])
def test_what_does_not_grow_is_left_as_it_is(upsample, coarse):
    assert isinstance(make_upsampler(upsample, 16, coarse, fine=8), nn.Identity)


@each_learned
@pytest.mark.parametrize(("coarse", "fine", "quotient"), [(14, 4, "3.5"), (64, 4, "16"), (17, 12, "1.42")])
def test_a_factor_that_cannot_be_is_refused_with_what_can(upsample, coarse, fine, quotient):
    with pytest.raises(segzoo.OptionError, match=rf"from stride {coarse} to {fine} it is {quotient}: take 'nearest'"):
        make_upsampler(upsample, 16, coarse, fine)


# The decoders


@each_decoder
@each_learned
@pytest.mark.parametrize("pattern", ["resnet", "rounding_down"])
def test_a_decoder_with_it_trains_at_an_odd_size(decoder, upsample, pattern):
    options = OPTIONS[decoder] | {"upsample": upsample}
    model = segzoo.create_model(synthetic(pattern), decoder, classes=3, decoder_options=options).train()
    logits = model(torch.rand(1, 3, 37, 67))
    logits.square().mean().backward()
    assert logits.shape == (1, 3, 37, 67)
    assert all(parameter.grad.isfinite().all() for parameter in model.decoder.parameters())


@pytest.mark.parametrize(("upsample", "last"), [("dysample", "offsets"), ("carafe", "encode")])
@pytest.mark.parametrize("decoder", ["fpn", "upernet"])
def test_a_decoder_s_initialisation_leaves_the_layers_theirs(decoder, upsample, last):
    options = OPTIONS[decoder] | {"upsample": upsample}
    model = segzoo.create_model(synthetic("mit"), decoder, classes=3, decoder_options=options)
    assert [getattr(each, last).weight.std() < 0.002 for each in model.decoder.upsamplers] == [True] * 3


@each_decoder
def test_a_factor_that_cannot_be_is_refused_in_the_plan(decoder):
    encoder, options = synthetic(Pattern.of(4, 6, 12)), {"upsample": "carafe"}
    with pytest.raises(segzoo.OptionError, match="upsample='carafe' grows a map by a whole number from 2 to 8"):
        segzoo.plan(encoder, decoder, decoder_options=options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decoder", "upsample"),
    [*(("fpn", each) for each in LEARNED), *((each, "carafe") for each in OPTIONS if each != "fpn")],
)
@pytest.mark.parametrize("check", checks("decoder"), ids=str)
def test_a_decoder_with_it_keeps_its_promises(decoder, upsample, check):
    check(decoder, options=OPTIONS[decoder] | {"upsample": upsample})


@pytest.mark.slow
@each_learned
def test_it_computes_the_same_in_onnx_runtime_at_sizes_that_were_not_traced(upsample, tmp_path):
    pytest.importorskip("onnxscript")
    options = OPTIONS["unet"] | {"upsample": upsample}
    model = segzoo.create_model(synthetic("resnet"), "unet", classes=3, decoder_options=options).eval()
    segzoo.export(model, tmp_path / "model.onnx")  # which verifies them
