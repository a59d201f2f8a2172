"""In inference a norm is folded into the convolution before it, and nobody sees it but by the time it takes."""

import copy

import pytest
import torch
from torch import nn

from segzoo.nn import BatchNorm2d, ConcatConvNormAct, ConvNormAct, UpStep, conv_norm


def trained(module):
    """As after some training: running statistics and scales that aren't those of the start."""
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            if each.track_running_stats:
                each.running_mean.uniform_(-1, 1)
                each.running_var.uniform_(0.5, 2)
            if each.affine:
                nn.init.uniform_(each.weight, -2, 2)
                nn.init.uniform_(each.bias, -1, 1)
    return module.eval()


BLOCKS = {
    "3x3": lambda: ConvNormAct(4, 6),
    "with a bias": lambda: ConvNormAct(4, 6, bias=True),
    "dilated": lambda: ConvNormAct(4, 6, dilation=2),
    "depthwise": lambda: ConvNormAct(4, 4, groups=4),
    "depthwise, dilated": lambda: ConvNormAct(4, 4, groups=4, dilation=3),
    "group norm": lambda: ConvNormAct(4, 32, norm="groupnorm"),
    "no norm": lambda: ConvNormAct(4, 6, norm=None),
    "no scale": lambda: ConvNormAct(4, 6, norm=lambda channels: BatchNorm2d(channels, affine=False)),
    "no statistics": lambda: ConvNormAct(4, 6, norm=lambda channels: BatchNorm2d(channels, track_running_stats=False)),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_it_gives_in_inference_what_it_gives_with_gradients(block):
    module, features = trained(BLOCKS[block]()), torch.rand(2, 4, 9, 7)
    with torch.no_grad():
        folded = module(features)
    assert not folded.requires_grad
    assert torch.allclose(folded, module(features), atol=1e-5)


@pytest.mark.parametrize("norm", ["batchnorm2d", "groupnorm", None])
def test_maps_are_joined_as_with_gradients(norm):
    module, maps = trained(ConcatConvNormAct([4, 0, 3], 32, norm=norm)), [torch.rand(2, c, 8, 6) for c in (4, 0, 3)]
    maps[0] = torch.rand(2, 4, 4, 3)
    with torch.no_grad():
        folded = module(maps, (8, 6))
    assert torch.allclose(folded, module(maps, (8, 6)), atol=1e-5)


def test_a_step_up_is_as_with_gradients():
    module = trained(UpStep(4, [3], 5))
    given = torch.rand(1, 4, 5, 4), [torch.rand(1, 3, 9, 8)], (9, 8)
    with torch.no_grad():
        folded = module(*given)
    assert torch.allclose(folded, module(*given), atol=1e-5)


def test_a_transposed_convolution_takes_its_norm_over_too():
    conv, norm = nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1), nn.BatchNorm2d(6)
    trained(nn.Sequential(conv, norm))
    features = torch.rand(2, 4, 5, 7)
    with torch.no_grad():
        assert torch.allclose(conv_norm(features, conv, norm), norm(conv(features)), atol=1e-5)


def test_in_train_mode_the_statistics_are_the_batch_s():
    module, features = ConvNormAct(4, 6, act=None), torch.rand(2, 4, 9, 7)
    with torch.no_grad():
        normed = module(features)
    assert torch.allclose(normed.mean(dim=(0, 2, 3)), torch.zeros(6), atol=1e-5)
    assert module.norm.num_batches_tracked == 1


@pytest.mark.parametrize("part", ["conv", "norm"])
def test_who_listens_to_a_part_hears_it(part):
    module, heard = trained(ConvNormAct(4, 6)), []
    getattr(module, part).register_forward_hook(lambda *_: heard.append(part))
    with torch.no_grad():
        module(torch.rand(1, 4, 8, 8))
    assert heard == [part]


def test_a_norm_of_another_kind_is_left_to_itself():
    class Doubled(nn.BatchNorm2d):
        def forward(self, features):
            return 2 * super().forward(features)

    module = trained(ConvNormAct(4, 6, norm=Doubled, act=None))
    plain = copy.deepcopy(module)
    plain.norm.__class__ = nn.BatchNorm2d
    features = torch.rand(1, 4, 8, 8)
    with torch.no_grad():
        assert torch.allclose(module(features), 2 * plain(features), atol=1e-5)


@pytest.mark.parametrize("norm_too", [True, False])
def test_half_precision_loses_no_more_than_its_own(norm_too):
    module, features = trained(ConvNormAct(4, 6)), torch.rand(1, 4, 8, 8)
    with torch.no_grad():
        exact = module(features)
        (module if norm_too else module.conv).bfloat16()
        rounded = module(features.bfloat16())
    assert rounded.dtype == torch.bfloat16
    assert torch.allclose(rounded.float(), exact, atol=0.05)


def test_weights_stay_as_they_are():
    module = trained(ConvNormAct(4, 6))
    before = copy.deepcopy(module.state_dict())
    with torch.no_grad():
        module(torch.rand(1, 4, 8, 8))
    assert all(torch.equal(module.state_dict()[name], weight) for name, weight in before.items())
