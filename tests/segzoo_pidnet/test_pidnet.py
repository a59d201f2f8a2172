"""The decoders of DDRNet and PIDNet; their blocks and heads against mmsegmentation's."""

import importlib
from collections import OrderedDict

import pytest
import torch
from synthetic import PATTERNS, synthetic
from torch import nn
from torch.nn import functional as F

import segzoo
from segzoo_pidnet import pidnet
from segzoo_pidnet.blocks import Bottleneck, Head
from segzoo_pidnet.pooling import DAPPM, PAPPM, pooled_maps

SMALL = {"width": 16, "pool_width": 8, "head_width": 12}
DECODERS = ("ddrnet", "pidnet")
each_decoder = pytest.mark.parametrize("decoder", DECODERS)


def conv(in_channels, out_channels, kernel):
    """Parameters of a convolution with its norm."""
    return in_channels * out_channels * kernel**2 + 2 * out_channels


def norm_act_conv(in_channels, out_channels, kernel):
    return in_channels * out_channels * kernel**2 + 2 * in_channels


@each_decoder
@pytest.mark.parametrize("pattern", [each for each in PATTERNS if each != "few"])
def test_it_takes_each_map_from_stride_8_on(decoder, pattern):
    plan = segzoo.plan(synthetic(pattern), decoder)
    assert plan.stages == tuple(stage for stage in plan.spec.native if plan.spec.strides[stage] >= 8)


@each_decoder
@pytest.mark.parametrize("size", [(97, 131), (8, 8)])
def test_it_trains_at_any_size_with_a_batch_of_one(decoder, size):
    model = segzoo.create_model(synthetic("resnet"), decoder, classes=3, decoder_options=SMALL).train()
    logits = model(torch.rand(1, 3, *size))
    logits.square().mean().backward()
    assert logits.shape == (1, 3, *size)
    assert all(parameter.grad.isfinite().all() for parameter in model.decoder.parameters())


def residuals(width, fusions):
    """Parameters of a branch from its first convolution's result on."""
    end = 2 * conv(width, 2 * width, 1) + conv(width, width, 1) + conv(width, width, 3)
    return fusions * 2 * conv(width, width, 3) + end


def poolings(in_channels, pool_width, width):
    """Parameters of both pyramids but for how the scales meet."""
    scales = 5 * norm_act_conv(in_channels, pool_width, 1) + norm_act_conv(5 * pool_width, width, 1)
    return scales + norm_act_conv(in_channels, width, 1)


def test_ddrnet_has_the_parameters_that_its_figure_says():
    compress = conv(32, 64, 1) + conv(40, 64, 1)
    context = poolings(40, 128, 128) + 4 * norm_act_conv(128, 128, 3)
    head = norm_act_conv(128, 64, 3) + 2 * 64
    expected = conv(24, 64, 3) + residuals(64, 2) + compress + context + head
    assert segzoo.plan(synthetic("resnet"), "ddrnet").decoder.parameters == expected


@pytest.mark.parametrize("light", [True, False])
def test_pidnet_has_the_parameters_that_its_figure_says(light):
    compress, guides = conv(32, 64, 1) + conv(40, 64, 1), 2 * 2 * conv(64, 32, 1)
    differences = conv(32, 64, 3) + conv(40, 64, 3)
    parallel, deep = 4 * 96 * (96 * 9 + 2), 4 * norm_act_conv(96, 96, 3)
    context = poolings(40, 96, 128) + (parallel if light else deep)
    fuse = 2 * conv(128, 128, 1) if light else norm_act_conv(128, 128, 3)
    head = norm_act_conv(128, 128, 3) + 2 * 128
    branches = 2 * (conv(24, 64, 3) + residuals(64, 2)) + compress + guides + differences + context
    plan = segzoo.plan(synthetic("resnet"), "pidnet", decoder_options={"light": light})
    assert plan.decoder.parameters == branches + fuse + head


def test_the_branches_are_there_for_losses_of_their_own():
    model = segzoo.create_model(synthetic("resnet"), "pidnet", classes=3, decoder_options=SMALL).eval()
    features = [torch.rand(2, *shape) for shape in ((24, 8, 12), (32, 4, 6), (40, 2, 3))]
    branches = model.decoder.branches(features)
    assert [each.shape for each in branches] == [(2, 16, 8, 12)] * 3
    assert torch.equal(model.decoder.head(model.decoder.fuse(*branches)), model.decoder(features))


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (16, 17)])
def test_windows_reach_over_the_border_and_overlap_by_half(size):
    features = torch.rand(1, 2, *size)
    _, *pooled, mean = pooled_maps(features)
    for each, stride in zip(pooled, (2, 4, 8), strict=True):
        padded = F.pad(features, (stride,) * 4)
        assert each.shape[-2:] == tuple((side + stride - 1) // stride for side in size)
        last = padded[..., stride * (each.shape[-2] - 1) :, stride * (each.shape[-1] - 1) :]
        window = last[..., : 2 * stride + 1, : 2 * stride + 1]
        torch.testing.assert_close(each[..., -1, -1], window.sum(dim=(2, 3)) / (2 * stride + 1) ** 2)
    torch.testing.assert_close(mean[..., 0, 0], features.mean(dim=(2, 3)))


@pytest.mark.parametrize(("boundary", "chosen"), [(100.0, "detail"), (-100.0, "context")])
def test_a_boundary_chooses_detail_and_its_absence_context(boundary, chosen):
    fuse = pidnet.BoundaryGuidedFusion(6).eval()
    maps = {"detail": torch.rand(1, 6, 3, 4), "context": torch.rand(1, 6, 3, 4)}
    fused = fuse(**maps, boundary=torch.full((1, 6, 3, 4), boundary))
    torch.testing.assert_close(fused, fuse.conv(maps[chosen]))


@pytest.mark.slow
@pytest.mark.parametrize(("decoder", "options"), [("ddrnet", {}), ("pidnet", {}), ("pidnet", {"light": False})])
def test_it_computes_the_same_in_onnx_runtime_at_sizes_that_were_not_traced(decoder, options, tmp_path):
    pytest.importorskip("onnxscript")
    options = SMALL | options
    model = segzoo.create_model(synthetic("resnet"), decoder, classes=3, decoder_options=options).eval()
    segzoo.export(model, tmp_path / "model.onnx")  # which verifies them


# Against mmsegmentation


@pytest.fixture(scope="module")
def peers(mmseg):
    """Its modules that have the blocks."""
    return {name: importlib.import_module(f"mmseg.models.{name}") for name in ("utils.ppm", "backbones.pidnet")}


def carry_over(ours, theirs, table):
    """Their weights and running statistics, which are made unlike those of an untrained one."""
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    renamed = segzoo.rename_weights(theirs.state_dict(), table)
    ours.load_state_dict(renamed, strict=True)
    return ours.double().train(theirs.training), theirs.double()


def assert_same(ours, theirs, *inputs):
    """Values, and the gradients of a random sum of them, at inputs and weights."""
    inputs = [each.double().requires_grad_() for each in inputs]
    weights = None
    found = []
    for module in (ours, theirs):
        output = module(*inputs)
        weights = torch.randn_like(output) if weights is None else weights
        module.zero_grad()
        (output * weights).sum().backward()
        gradients = [each.grad for each in inputs] + sorted(
            (each.grad for each in module.parameters() if each.grad is not None),
            key=lambda grad: (grad.numel(), grad.sum().item()),
        )
        found.append([output, *gradients])
        for each in inputs:
            each.grad = None
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other.view_as(mine), rtol=1e-4, atol=1e-4 * float(other.abs().max()))


NORM_ACT_CONV = {"bn": "norm", "conv": "conv"}
CONV = {"conv": "conv", "bn": "norm"}


@pytest.mark.slow
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("size", [(16, 32), (5, 9), (1, 3)])
@pytest.mark.parametrize(("name", "kind"), [("DAPPM", DAPPM), ("PAPPM", PAPPM)])
def test_the_pyramids_of_poolings_are_mmsegmentation_s(peers, name, kind, size, train):
    theirs = getattr(peers["utils.ppm"], name)(12, 8, 10, num_scales=5).train(train)
    table = {
        **segzoo.under("scales.0", "scales.0", NORM_ACT_CONV),
        **segzoo.under("scales.{}.1", "scales.{}", NORM_ACT_CONV),
        **segzoo.under("processes.{}", "processes.{}", NORM_ACT_CONV),
        **segzoo.under("processes", "process", NORM_ACT_CONV),
        **segzoo.under("compression", "compress", NORM_ACT_CONV),
        **segzoo.under("shortcut", "shortcut", NORM_ACT_CONV),
    }
    assert_same(*carry_over(kind(12, 8, 10), theirs, table), torch.randn(2, 12, *size))


@pytest.mark.slow
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(
    ("name", "kind", "table"),
    [
        ("Bag", pidnet.BoundaryGuidedFusion, segzoo.under("conv", "conv", NORM_ACT_CONV)),
        (
            "LightBag",
            pidnet.LightBoundaryGuidedFusion,
            {**segzoo.under("f_p", "detail", CONV), **segzoo.under("f_i", "context", CONV)},
        ),
    ],
)
def test_boundaries_choose_as_mmsegmentation_s_do(peers, name, kind, table, train):
    theirs = getattr(peers["backbones.pidnet"], name)(8, 8).train(train)
    assert_same(*carry_over(kind(8), theirs, table), *(torch.randn(2, 8, 5, 7) for _ in range(3)))


@pytest.mark.slow
@pytest.mark.parametrize("train", [True, False])
def test_context_guides_detail_as_mmsegmentation_s_does(peers, train):
    theirs = peers["backbones.pidnet"].PagFM(8, 4).train(train)
    table = {**segzoo.under("f_p", "detail", CONV), **segzoo.under("f_i", "context", CONV)}
    ours = pidnet.PixelAttentionGuidedFusion(8, 4)
    assert_same(*carry_over(ours, theirs, table), torch.randn(2, 8, 10, 7), torch.randn(2, 8, 5, 4))


@pytest.mark.slow
@pytest.mark.parametrize("train", [True, False])
def test_a_branch_ends_as_mmsegmentation_s_do(peers, train):
    modules = peers["backbones.pidnet"]
    shortcut = modules.ConvModule(8, 16, 1, norm_cfg={"type": "BN"}, act_cfg=None)
    theirs = nn.Sequential(nn.ReLU(), modules.Bottleneck(8, 8, downsample=shortcut, act_cfg_out=None)).train(train)
    steps = {"conv1": "reduce", "conv2": "conv", "conv3": "expand", "downsample": "shortcut"}
    table = {key: value for old, new in steps.items() for key, value in segzoo.under(f"1.{old}", new, CONV).items()}
    assert_same(*carry_over(Bottleneck(8, 16), theirs, table), torch.randn(2, 8, 5, 7))


DDR_HEAD = {
    **segzoo.under("head.0", "head.conv", NORM_ACT_CONV),
    "head.1": "head.norm",
    "conv_seg": "classifier",
    **dict.fromkeys(("aux_head", "aux_cls_seg")),
}
PID_HEAD = {
    **segzoo.under("i_head.conv", "head.conv", NORM_ACT_CONV),
    "i_head.norm": "head.norm",
    "conv_seg": "classifier",
    **dict.fromkeys(("p_head", "p_cls_seg", "d_head", "d_cls_seg")),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "width", "parameters", "table"),
    [("DDRHead", 64, 130_732, DDR_HEAD), ("PIDHead", 128, 279_437, PID_HEAD)],
)
def test_the_logits_of_the_heads_are_mmsegmentation_s(mmseg, name, width, parameters, table):
    theirs = getattr(mmseg, name)(in_channels=128, channels=width, num_classes=150, dropout_ratio=0.0).eval()
    assert sum(each.numel() for each in theirs.parameters()) == parameters
    ours = nn.Sequential(OrderedDict(head=Head(128, width), classifier=nn.Conv2d(width, 150, 1)))
    assert_same(*carry_over(ours, theirs, table), torch.randn(2, 128, 5, 7))
