import re

import pytest
import torch
from synthetic import synthetic
from torch import nn

import segzoo
from segzoo_nnunet.decoder import NNUNetDecoder

WIDTHS = (32, 64, 128, 256, 512, 512, 512, 512)


def stages_of(widths=WIDTHS, strides=None):
    return segzoo.FeatureSpec(widths, strides or tuple(2**entry for entry in range(len(widths))))


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("strides", "kernels"), [((2, 4, 8), [2, 2]), ((2, 8, 32), [4, 4]), ((4, 4, 8), [2, 1])])
def test_a_step_grows_by_the_ratio_of_its_strides(strides, kernels):
    decoder = NNUNetDecoder(stages_of((8, 8, 8), strides))
    assert [step.grow.kernel_size for step in decoder.steps] == [(kernel, kernel) for kernel in kernels]


def test_each_step_is_as_wide_as_the_stage_that_it_ends_at():
    decoder = segzoo.create_model(synthetic("resnet"), "nnunet", classes=3).decoder
    assert [step.join.conv.out_channels for step in decoder.steps] == list(decoder.stages.channels[-2::-1])


def test_the_image_is_a_skip_only_where_that_is_asked_for():
    plan = segzoo.plan(synthetic("vgg"), "nnunet")
    finest = segzoo.plan(synthetic("vgg"), "nnunet", decoder_options={"finest_stride": 1})
    assert (plan.stages, finest.stages) == ((1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5))


def test_one_map_alone_is_returned_as_it_is():
    decoder, deepest = NNUNetDecoder(stages_of((8,), (32,))), torch.rand(1, 8, 3, 4)
    assert torch.equal(decoder([deepest]), deepest)


def test_it_needs_a_map_as_coarse_as_is_asked_for():
    with pytest.raises(segzoo.NegotiationError, match="nnunet needs a stage of stride 8 or more"):
        segzoo.plan(synthetic("few"), "nnunet", decoder_options={"finest_stride": 8})


def unet(peer, kind, convs, widths, classes):
    """nnU-Net's, as it plans them: instance norms with scale and shift, biases, LeakyReLU."""
    name, convs_or_blocks = kind
    return getattr(peer, name)(
        3, len(widths), widths, nn.Conv2d, 3, [1] + [2] * (len(widths) - 1), convs_or_blocks, classes, convs,
        conv_bias=True, norm_op=nn.InstanceNorm2d, norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=nn.LeakyReLU,
    )  # fmt: skip


PLAIN, RESIDUAL = ("PlainConvUNet", 2), ("ResidualEncoderUNet", 1)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "convs"), [(PLAIN, 2), (RESIDUAL, 1)])
def test_nnu_net_has_as_many_parameters(nnunet_peer, kind, convs):
    with torch.device("meta"):
        peer = unet(nnunet_peer, kind, convs, WIDTHS, classes=150)
        decoder = NNUNetDecoder(stages_of(), convs=convs)
    unused = sum(map(parameters, peer.decoder.seg_layers[:-1]))  # of deep supervision
    head = parameters(peer.decoder.seg_layers[-1])
    assert parameters(decoder) + head + parameters(peer.encoder) + unused == parameters(peer)
    assert kind != PLAIN or parameters(peer) == 46_624_538


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "convs"), [(PLAIN, 2), (RESIDUAL, 1)])
def test_nnu_net_s_decoder_gives_the_same_logits_and_gradients(nnunet_peer, kind, convs):
    widths = (8, 12, 16, 20)
    peer = unet(nnunet_peer, kind, convs, widths, classes=5).decoder
    peer.deep_supervision = True
    decoder = NNUNetDecoder(stages_of(widths), convs=convs, deep_supervision=True)
    decoder.load_state_dict({renamed(name): each for name, each in peer.state_dict().items() if renamed(name)})
    ours, theirs = ([torch.rand(2, width, 24 // 2**entry, 40 // 2**entry) for entry, width in enumerate(widths)],) * 2
    ours, theirs = ([each.clone().requires_grad_() for each in side] for side in (ours, theirs))
    finest, coarser = decoder(ours, coarser=True)
    logits = [classify(each) for classify, each in zip(peer.seg_layers[::-1], [finest, *coarser], strict=False)]
    expected = peer(theirs)[:-1]  # the coarsest doesn't count in its loss
    for side in (logits, expected):
        sum(each.square().mean() for each in side).backward()
    for one, other in zip(logits, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-4 * other.grad.abs().max())


def renamed(name):
    """A weight of nnU-Net's decoder by its name here; "" for one that isn't part of it."""
    if name.startswith("transpconvs."):
        return re.sub(r"transpconvs\.(\d+)", r"steps.\1.grow", name)
    found = re.match(r"stages\.(\d+)\.convs\.(\d+)\.((?:conv|norm)\..*)", name)
    if not found:
        return ""
    step, conv, rest = found.groups()
    return f"steps.{step}.join.{rest}" if conv == "0" else f"steps.{step}.refine.{int(conv) - 1}.{rest}"
