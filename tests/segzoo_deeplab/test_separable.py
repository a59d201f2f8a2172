"""A separable convolution over maps that aren't joined first is the one over their concatenation."""

import pytest
import torch

from segzoo_deeplab.separable import JoiningSeparableConvNormAct, SeparableConvNormAct


@pytest.mark.parametrize("depthwise_norm", [True, False])
@pytest.mark.parametrize("part", ["depthwise", "depthwise.conv", None])
def test_it_is_that_of_the_concatenation_and_heard(depthwise_norm, part):
    torch.manual_seed(0)
    joining = JoiningSeparableConvNormAct([4, 3], 6, depthwise_norm=depthwise_norm)
    plain = SeparableConvNormAct(7, 6, depthwise_norm=depthwise_norm)
    plain.load_state_dict(joining.state_dict())
    heard = []
    if part is not None:
        joining.get_submodule(part).register_forward_hook(lambda *_: heard.append(part))
    maps = [torch.rand(2, channels, 9, 7) for channels in (4, 3)]
    assert torch.allclose(joining(maps), plain(torch.cat(maps, dim=1)), atol=1e-5)
    assert len(heard) == (part is not None)
