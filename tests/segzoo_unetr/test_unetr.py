import re

import pytest
import torch
from synthetic import synthetic
from torch import nn

import segzoo
from segzoo_unetr.decoder import UNETRDecoder, level_strides


def stages_of(hidden=768, patch=16):
    """A plain transformer's four blocks, behind the image."""
    return segzoo.FeatureSpec((3, *[hidden] * 4), (1, *[patch] * 4))


def doublings(decoder):
    return [sum(isinstance(each, nn.ConvTranspose2d) for each in skip.modules()) for skip in decoder.skips]


@pytest.mark.parametrize(("patch", "last"), [(8, 1), (14, 2), (16, 2), (32, 4)])
def test_blocks_are_grown_to_levels_that_double_and_the_last_step_to_the_image(patch, last):
    decoder = UNETRDecoder(stages_of(8, patch), width=2)
    assert doublings(decoder) == [0, 3, 2, 1]
    assert [step.grow.stride[0] for step in decoder.steps] == [last, 2, 2, 2]


@pytest.mark.parametrize("pattern", ["resnet", "mit", "dilated", "far_apart"])
def test_maps_of_different_strides_are_levels_as_they_are(pattern):
    decoder = segzoo.create_model(synthetic(pattern), "unetr", classes=3).decoder
    assert not any(doublings(decoder))
    assert level_strides(decoder.stages) == list(decoder.stages.strides)


def test_the_image_is_seen_at_its_own_resolution():
    decoder, blocks = UNETRDecoder(stages_of(8), width=2), [torch.rand(1, 8, 3, 4) for _ in range(4)]
    one, other = (decoder([torch.rand(1, 3, 35, 50), *blocks]) for _ in range(2))
    assert one.shape == (1, 2, 35, 50)
    assert not torch.allclose(one, other)


def test_monai_has_as_many_parameters_at_the_paper_s_width():
    with torch.device("meta"):
        decoder = UNETRDecoder(stages_of())
    classifier = 16 * 150 + 150
    assert sum(each.numel() for each in decoder.parameters()) + classifier == 1_895_894


class Blocks(nn.Module):
    """In place of MONAI's transformer: the last block's tokens, and by number those of the others that it takes."""

    def __init__(self, maps):
        super().__init__()
        *earlier, self.last = (each.flatten(2).transpose(1, 2) for each in maps)
        self.earlier = dict(zip((3, 6, 9), earlier, strict=True))

    def forward(self, image):
        return self.last, self.earlier


@pytest.mark.slow
def test_monai_s_decoder_gives_the_same_logits_and_gradients(monai):
    peer = monai.UNETR(3, 5, (48, 32), feature_size=4, hidden_size=12, mlp_dim=12, num_heads=3, spatial_dims=2)
    decoder = UNETRDecoder(stages_of(12), width=4)
    own = {renamed(name): each for name, each in peer.state_dict().items() if renamed(name)}
    decoder.load_state_dict(own)
    shapes = [(3, 48, 32), *[(12, 3, 2)] * 4]
    theirs = [torch.rand(2, *shape, requires_grad=True) for shape in shapes]
    ours = [each.detach().clone().requires_grad_() for each in theirs]
    image, *blocks = theirs
    peer.vit = Blocks(blocks)
    logits, expected = peer.out(decoder(ours)), peer(image)
    assert torch.allclose(logits, expected, atol=1e-4)
    for each in (logits, expected):
        each.square().mean().backward()
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-4 * other.grad.abs().max())


RENAMED = [
    (r"encoder1\.layer\.", "skips.0.0."),
    (r"transp_conv_init\.conv\.", "0."),
    (r"blocks\.0\.0\.conv\.", "1.0."),
    (r"blocks\.0\.1\.", "1.1."),
    (r"blocks\.1\.0\.conv\.", "2.0."),
    (r"blocks\.1\.1\.", "2.1."),
    (r"transp_conv\.conv\.", "grow."),
    (r"conv_block\.", "refine."),
    (r"conv1\.conv\.", "convs.0.conv."),
    (r"conv2\.conv\.", "convs.1.conv."),
    (r"conv3\.conv\.", "shortcut.conv."),
]


def renamed(name):
    """A weight of MONAI's decoder by its name here; "" for one that isn't part of it."""
    if name.startswith(("vit.", "out.")):
        return ""
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    name = re.sub(r"^encoder([2-4])\.", lambda found: f"skips.{int(found[1]) - 1}.", name)
    return re.sub(r"^decoder([2-5])\.", lambda found: f"steps.{int(found[1]) - 2}.", name)
