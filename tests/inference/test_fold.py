import pytest
import torch
from timm.layers import BatchNormAct2d, StdConv2d
from torch import nn
from torch.nn import functional as F

from segzoo.inference.fold import count_norms, fold_norms
from segzoo.nn import ConcatConvNormAct, ConvNormAct


def with_statistics(module):
    """In eval mode, with batch norms as after training."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                if tensor is not None:
                    nn.init.uniform_(tensor, 0.5, 1.5)
    return module.eval().requires_grad_(False)


class Residual(nn.Module):
    """Uses what its convolution returned a second time."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)

    def forward(self, image):
        convolved = self.conv(image)
        return self.use_again(convolved, self.norm(convolved))

    def use_again(self, convolved, normalised):
        return convolved + normalised


class Concatenating(Residual):
    def use_again(self, convolved, normalised):
        return torch.cat([normalised, convolved], dim=1)


class Writing(Residual):
    def use_again(self, convolved, normalised):
        normalised[:, 0] = convolved[:, 1]
        return normalised


class Gating(Residual):
    def use_again(self, convolved, normalised):
        return normalised * F.adaptive_avg_pool2d(convolved, 1)


class OneConvolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norms = nn.Conv2d(8, 8, 1), nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(8)])

    def forward(self, image):
        return sum(norm(self.conv(image)) for norm in self.norms)


class OneNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs, self.norm = nn.ModuleList([nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)]), nn.BatchNorm2d(8)

    def forward(self, image):
        return sum(self.norm(conv(image)) for conv in self.convs)


class Joining(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = ConcatConvNormAct([8, 0, 8], 4)

    def forward(self, image):
        return self.block([image, image[:, :0], F.max_pool2d(image, 2)], image.shape[-2:])


def in_turn(*layers):
    return lambda: nn.Sequential(*(layer() for layer in layers))


def conv(**options):
    return lambda: nn.Conv2d(8, 8, 3, **options)


def norm(**options):
    return lambda: nn.BatchNorm2d(8, **options)


FOLDED = {
    "a_convolution": in_turn(conv(bias=False), norm()),
    "one_with_a_bias_and_dilation": in_turn(conv(dilation=2), norm(), lambda: nn.ReLU(inplace=True)),
    "one_of_groups": in_turn(conv(groups=4), norm()),
    "one_that_pads_by_reflection": in_turn(conv(padding=1, padding_mode="reflect"), norm()),
    "a_transposed_one": in_turn(lambda: nn.ConvTranspose2d(8, 8, 2, stride=2), norm()),
    "one_before_timm_s_norm": in_turn(conv(), lambda: BatchNormAct2d(8, act_layer="silu")),
    "one_before_a_norm_without_weights": in_turn(conv(), norm(affine=False)),
    "the_block_of_segzoo": lambda: ConvNormAct(8, 4),
    "the_operator_of_segzoo": Joining,
}
KEPT = {
    "what_it_normalises_is_added": Residual,
    "what_it_normalises_is_concatenated": Concatenating,
    "what_it_normalises_is_written_elsewhere": Writing,
    "what_it_normalises_is_pooled": Gating,
    "the_convolution_has_two_norms": OneConvolution,
    "the_norm_has_two_convolutions": OneNorm,
    "the_norm_comes_first": in_turn(norm(), conv()),
    "an_activation_stands_between": in_turn(conv(), nn.ReLU, norm()),
    "the_weight_is_standardised": in_turn(lambda: StdConv2d(8, 8, 3), norm()),
    "the_weight_is_computed": in_turn(lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 8, 3)), norm()),
    "a_transposed_convolution_has_groups": in_turn(lambda: nn.ConvTranspose2d(8, 8, 2, groups=2), norm()),
    "it_has_no_running_statistics": in_turn(conv(), norm(track_running_stats=False)),
}


@pytest.mark.parametrize("create", FOLDED.values(), ids=FOLDED)
def test_a_norm_is_folded_into(create):
    module, image = with_statistics(create()), torch.randn(2, 8, 13, 16)
    expected = module(image)
    fold_norms(module, image)
    assert count_norms(module) == 0
    torch.testing.assert_close(module(image), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("create", KEPT.values(), ids=KEPT)
def test_a_norm_stays_where(create):
    module, image = with_statistics(create()), torch.randn(2, 8, 13, 16)
    expected, norms = module(image), count_norms(module)
    fold_norms(module, image)
    assert count_norms(module) == norms
    assert torch.equal(module(image), expected)


def test_the_activation_of_timm_s_norm_stays():
    module = with_statistics(FOLDED["one_before_timm_s_norm"]())
    fold_norms(module, torch.randn(1, 8, 16, 16))
    assert isinstance(module[1], nn.SiLU)


def test_no_hook_is_added_or_lost():
    calls = []
    module = with_statistics(ConvNormAct(8, 4))
    module.conv.register_forward_hook(lambda *_: calls.append(1))
    fold_norms(module, torch.randn(1, 8, 16, 16))
    calls.clear()
    module(torch.randn(1, 8, 16, 16))
    assert calls == [1]
