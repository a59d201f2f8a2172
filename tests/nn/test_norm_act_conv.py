import copy

import pytest
import torch
from torch import nn

from segzoo.nn.batch_norm import BatchNorm2d
from segzoo.nn.norm_act_conv import norm_act_conv


def layers(norm=BatchNorm2d, act=nn.ReLU, bias=True):
    torch.manual_seed(0)
    norm, conv = norm(8), nn.Conv2d(8, 5, 3, padding=1, bias=bias)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    return nn.ModuleList([norm, act(), conv]).double()


def step(run, features):
    features = features.clone().requires_grad_()
    result = run(features)
    torch.manual_seed(1)
    result.backward(torch.randn_like(result))
    return result, features.grad


@pytest.mark.parametrize("norm", [BatchNorm2d, nn.BatchNorm2d, lambda channels: nn.GroupNorm(4, channels)])
@pytest.mark.parametrize("act", [nn.ReLU, lambda: nn.ReLU(inplace=True), nn.GELU])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("train", [True, False])
def test_it_computes_what_the_layers_do_in_turn_forward_and_backward(norm, act, bias, train):
    ours = layers(norm, act, bias).train(train)
    theirs = copy.deepcopy(ours)
    features = torch.randn(2, 8, 6, 7, dtype=torch.float64)
    got, expected = step(lambda x: norm_act_conv(x, *ours), features), step(nn.Sequential(*theirs), features)
    for mine, plain in zip(got, expected, strict=True):
        assert (mine - plain).abs().max() < 1e-10
    for mine, plain in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert (mine.grad - plain.grad).abs().max() < 1e-10
    for mine, plain in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, plain)


def test_in_training_it_keeps_its_input_alone():
    kept = set()

    def keep(tensor):
        kept.add(tensor.untyped_storage().data_ptr())
        return tensor

    parts, features = layers(), torch.randn(2, 8, 6, 7, dtype=torch.float64, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        norm_act_conv(features, *parts)
    assert kept <= {each.untyped_storage().data_ptr() for each in [features, *parts.parameters()]}


def test_a_frozen_convolution_gets_no_gradient():
    parts = layers().train()
    parts[2].requires_grad_(False)
    step(lambda x: norm_act_conv(x, *parts), torch.randn(2, 8, 6, 7, dtype=torch.float64))
    assert parts[2].weight.grad is None
    assert parts[0].weight.grad is not None


def test_it_trains_in_mixed_precision():
    parts = layers().float().train()
    features = torch.randn(2, 8, 6, 7, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = norm_act_conv(features, *parts)
    result.float().sum().backward()
    assert all(each.grad.dtype == torch.float32 for each in [features, *parts.parameters()])


def test_it_compiles_without_a_graph_break():
    parts = layers().train()
    compiled = torch.compile(lambda x: norm_act_conv(x, *parts), backend="aot_eager", fullgraph=True)
    features = torch.randn(2, 8, 6, 7, dtype=torch.float64)
    torch.testing.assert_close(compiled(features), norm_act_conv(features, *parts))
