"""The decoders of context: what they take, how many parameters they have, and their equations in plain form."""

import copy

import pytest
import torch
from smp_parity import parameters
from synthetic import synthetic
from torch import nn
from torch.nn import functional as F

import segzoo
import segzoo.testing
from segzoo.host import registry
from segzoo.recomputing import set_recomputing
from segzoo_context.ccnet import criss_cross
from segzoo_context.dmnet import convolve_each
from segzoo_context.emanet import EMAttention
from segzoo_context.encnet import ContextEncoding

NAMES = ("nonlocal", "danet", "gcnet", "dnl", "isanet", "ccnet", "emanet", "ann", "apcnet", "dmnet", "encnet")
STAGES = {"ann": 2}

CLASSES = 150
COUNTS = {
    "nonlocal": 24_199_062,
    "danet": 24_156_228 - 2 * (512 * CLASSES + CLASSES),  # two classifiers that the training loss alone needs
    "gcnet": 23_805_463,
    "dnl": 24_199_575,
    "ann": 20_403_862,
    "emanet": 16_491_670 - (512**2 + 512),  # the projection that mmsegmentation freezes is of buffers here
    "apcnet": 30_532_808,
    "dmnet": 27_351_190,
    "isanet": 11_882_646,
    "encnet": 10_057_462,  # without the layer of its semantic encoding loss
}
"""Of mmsegmentation 1.4.2's heads as published, on the two deepest maps of ResNet-50, for 150 classes."""


def decoder_class(name):
    return registry.find_decoder(name).load()


def small(name, **options):
    """A decoder of few channels."""
    stages = segzoo.FeatureSpec((12, 20)[-STAGES.get(name, 1) :], (8,) * STAGES.get(name, 1))
    return decoder_class(name)(stages, **{"width": 16, **options})


# What they take


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pattern", ["resnet", "plain_vit", "few"])
def test_the_deepest_maps_are_taken_and_wished_to_be_of_stride_8(name, pattern):
    offer = segzoo.testing.CATALOGUE[pattern].spec
    selection = decoder_class(name).negotiate(offer, laterals=False)
    assert selection.stages == offer.native[-STAGES.get(name, 1) :]
    assert selection.output_stride == 8


def test_the_wish_is_an_option():
    plan = segzoo.plan(synthetic("resnet"), "gcnet", decoder_options={"width": 16, "output_stride": None})
    assert plan.request.output_stride is None


def test_encnet_with_laterals_takes_three_maps_or_what_there_is():
    for pattern, count in (("resnet", 3), ("few", 2)):
        plan = segzoo.plan(synthetic(pattern), "encnet", decoder_options={"width": 16, "laterals": True})
        assert plan.stages == plan.spec.native[-count:]


def test_ann_refuses_an_encoder_of_one_map():
    with pytest.raises(segzoo.NegotiationError, match=r"needs 2 stage\(s\)"):
        segzoo.plan(synthetic("one_block"), "ann")


# How many parameters they have


def count(name):
    """Parameters with the defaults, on the deepest maps of ResNet-50, the classifier included."""
    channels = (1024, 2048)[-STAGES.get(name, 1) :]
    with torch.device("meta"):
        decoder = decoder_class(name)(segzoo.FeatureSpec(channels, (8,) * len(channels)))
    return parameters(decoder) + decoder.out_channels * CLASSES + CLASSES


@pytest.mark.parametrize("name", COUNTS)
def test_mmsegmentation_has_as_many_parameters(name):
    assert count(name) == COUNTS[name]


def test_ccnet_has_the_parameters_that_its_layers_have():
    """Of arXiv:1811.11721, figure 2: two convolutions, attention with an eighth of the channels, and the joint."""
    convolutions = 9 * 512 * (2048 + 512 + 2048 + 512) + 3 * 2 * 512
    attention = 2 * (512 * 64 + 64) + 512**2 + 512 + 1
    assert count("ccnet") == convolutions + attention + 512 * CLASSES + CLASSES


# CCNet


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 1), (3, 4)])
def test_a_pixel_attends_to_its_row_and_column_and_once_to_itself(size):
    height, width = size
    query, key, value = torch.randn(2, 5, *size), torch.randn(2, 5, *size), torch.randn(2, 6, *size)
    context = criss_cross(query, key, value)
    for row in range(height):
        for column in range(width):
            seen = [(other, column) for other in range(height) if other != row]
            seen += [(row, other) for other in range(width)]
            scores = torch.stack([(query[:, :, row, column] * key[:, :, y, x]).sum(dim=1) for y, x in seen], dim=1)
            values = torch.stack([value[:, :, y, x] for y, x in seen], dim=2)
            expected = (values * scores.softmax(dim=1)[:, None]).sum(dim=2)
            torch.testing.assert_close(context[:, :, row, column], expected)


def test_two_rounds_tell_a_pixel_of_all_others():
    attention = small("ccnet").context.eval()
    nn.init.ones_(attention.gain)
    features = torch.randn(1, 16, 4, 5, requires_grad=True)
    attention(features)[0, :, 0, 0].sum().backward()
    assert features.grad.abs().sum(dim=1).min() > 0


# EMANet


def test_training_moves_the_bases_and_evaluation_does_not():
    attention, features = EMAttention(16, bases=4, steps=2, momentum=0.1), torch.randn(2, 16, 5, 6)
    before = attention.bases.clone()
    attention.eval()(features)
    assert torch.equal(attention.bases, before)
    attention.train()(features)
    assert not torch.equal(attention.bases, before)


def test_the_bases_move_by_the_momentum_to_the_mean_of_those_found():
    attention, features = EMAttention(8, bases=3, steps=1, momentum=0.25), torch.randn(2, 8, 3, 4)
    before = attention.bases.clone()
    attention.train()(features)
    pixels = attention.projection @ features.flatten(2) + attention.bias
    shares = (before.T @ pixels).softmax(dim=1)
    means = torch.stack([(shares[:, k, None] * pixels).sum(dim=2) / shares[:, k].sum(dim=1)[:, None] for k in range(3)])
    found = F.normalize(F.normalize(means, dim=2).mean(dim=1), dim=1).T
    torch.testing.assert_close(attention.bases, 0.75 * before + 0.25 * found)


def test_an_image_has_the_same_logits_alone_and_in_a_batch():
    decoder, features = small("emanet").eval(), torch.randn(3, 20, 5, 6)
    torch.testing.assert_close(decoder([features])[1:2], decoder([features[1:2]]))


def test_the_bases_are_saved_and_are_no_parameters():
    decoder = small("emanet")
    assert {"context.bases", "context.projection"} <= decoder.state_dict().keys()
    assert not list(decoder.context.parameters())


def test_gradient_checkpointing_moves_the_bases_once_and_keeps_the_gradients():
    plain = small("emanet").train()
    recomputing = copy.deepcopy(plain)
    set_recomputing(recomputing, True)
    features = [torch.randn(2, 20, 5, 6)]
    for each in (plain, recomputing):
        each(features).square().mean().backward()
    torch.testing.assert_close(dict(recomputing.named_buffers()), dict(plain.named_buffers()))
    gradients = [[parameter.grad for parameter in each.parameters()] for each in (plain, recomputing)]
    torch.testing.assert_close(gradients[1], gradients[0])


# ISANet


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (9, 20)])
def test_every_pixel_is_told_of_all_others(size):
    decoder = small("isanet", key_width=8, window=3).eval()
    first = torch.randn(1, 16, *size, requires_grad=True)
    decoder.first = nn.Identity()
    decoder([first])[0, :, 0, 0].sum().backward()
    assert first.grad.abs().sum(dim=1).min() > 0


# DMNet


@pytest.mark.parametrize("side", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("size", [(1, 1), (5, 8)])
def test_each_channel_of_each_image_is_convolved_with_its_own_filter(side, size):
    features, filters = torch.randn(2, 3, *size), torch.randn(2, 3, side, side)
    convolved = convolve_each(features, filters)
    before, after = side // 2, (side - 1) // 2
    for image in range(2):
        padded = F.pad(features[image : image + 1], (before, after, before, after))
        expected = F.conv2d(padded, filters[image, :, None], groups=3)
        torch.testing.assert_close(convolved[image : image + 1], expected)


# EncNet


def test_the_code_is_of_the_residuals_to_the_codewords():
    encoding, features = ContextEncoding(6, codewords=3).eval(), torch.rand(2, 6, 4, 5)
    encoding.project = nn.Identity()
    nn.init.normal_(encoding.codewords)
    residuals = features.flatten(2).transpose(1, 2)[:, :, None] - encoding.codewords  # (B, N, K, D)
    shares = (encoding.smoothing * residuals.square().sum(dim=3)).softmax(dim=2)
    sums = (shares[..., None] * residuals).sum(dim=1)
    expected = encoding.norm(sums[..., None]).relu()[..., 0].mean(dim=1)
    torch.testing.assert_close(encoding(features), expected)


# All


@pytest.mark.parametrize("name", ["nonlocal", "danet", "gcnet", "dnl", "ccnet"])
def test_the_context_adds_nothing_at_first(name):
    decoder = small(name).eval()
    features = torch.randn(1, 16, 4, 5)
    blocks = [decoder.position[1], decoder.channel[1]] if name == "danet" else [decoder.context]
    for block in blocks:
        torch.testing.assert_close(block(features), features)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (13, 5)])
def test_maps_of_any_size_keep_it(name, size):
    decoder = small(name).train()
    features = [torch.randn(1, channels, *size) for channels in decoder.stages.channels]
    decoded = decoder(features)
    assert decoded.shape == (1, decoder.out_channels, *size)
    assert decoded.isfinite().all()
