import pytest
import torch
import transformers
from synthetic import PATTERNS, synthetic
from torch import nn

import segzoo
from segzoo_sapiens.decoder import Sapiens2Decoder

SMALL = {"grow_widths": [24, 16, 12, 8], "widths": [10, 6]}


def stages_of(channels, stride=16):
    """The deepest map, behind the image."""
    return segzoo.FeatureSpec((3, channels), (1, stride))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_takes_the_deepest_map(pattern):
    plan = segzoo.plan(synthetic(pattern), "sapiens2", decoder_options=SMALL)
    assert plan.stages == (0, plan.spec.native[-1])


@pytest.mark.parametrize(("pattern", "noted"), [("plain_vit", False), ("patch_14", False), ("resnet", True)])
def test_the_plan_says_what_becomes_of_a_pyramid(pattern, noted):
    assert any("made for a transformer" in note for note in segzoo.plan(synthetic(pattern), "sapiens2").notes) is noted


@pytest.mark.parametrize(
    ("stride", "doublings", "own"), [(2, 1, 1), (4, 2, 1), (8, 3, 1), (14, 4, 1), (16, 4, 1), (32, 4, 2)]
)
def test_it_doubles_four_times_or_as_often_as_leads_to_the_image(stride, doublings, own):
    decoder = Sapiens2Decoder(stages_of(8, stride), **SMALL)
    decoded = decoder([torch.rand(1, 3, 3 * stride, 5 * stride), torch.rand(1, 8, 3, 5)])
    assert len(decoder.doublings) == doublings
    assert decoded.shape == (1, 6, 3 * stride // own, 5 * stride // own)


def test_without_refinement_the_last_doubling_is_the_output():
    decoder = Sapiens2Decoder(stages_of(8), grow_widths=[24, 16], widths=[])
    assert decoder([torch.rand(1, 3, 48, 80), torch.rand(1, 8, 3, 5)]).shape == (1, 16, 12, 20)


def peer_of(grow, channels, upsample, convs, classes=5):
    """transformers' head; its biases before an instance norm, which takes them away again, are counted apart."""
    module = pytest.importorskip("transformers.models.sapiens2.modeling_sapiens2")
    shuffled = grow == "pixelshuffle"
    head = {"upsample_out_channels": upsample, "conv_out_channels": convs, "use_pixel_shuffle": shuffled}
    head["upsample_kernel_sizes"] = [3 if shuffled else 4] * len(upsample)
    return module.Sapiens2Head(transformers.Sapiens2Config(hidden_size=channels, num_labels=classes, head_config=head))


def test_transformers_has_as_many_parameters_at_the_paper_s_widths():
    with torch.device("meta"):
        decoder = Sapiens2Decoder(stages_of(1024))
        peer = peer_of("transposed", 1024, [512, 256, 128, 64], [64, 64], classes=29)
    without_effect, classifier = 64 + 64, 64 * 29 + 29
    assert sum(each.numel() for each in peer.parameters()) == 11_151_325
    assert sum(each.numel() for each in decoder.parameters()) + classifier + without_effect == 11_151_325


@pytest.mark.parametrize("grow", ["transposed", "pixelshuffle"])
def test_transformers_head_gives_the_same_logits_and_gradients(grow):
    torch.manual_seed(0)
    peer = peer_of(grow, 12, SMALL["grow_widths"], SMALL["widths"])
    decoder = Sapiens2Decoder(stages_of(12), **SMALL, grow=grow)
    layers = dict(zip(convolutions(decoder), convolutions(peer), strict=False))
    for ours, theirs in layers.items():
        ours.load_state_dict({name: each for name, each in theirs.state_dict().items() if hasattr(ours, name)}, False)
    image, theirs = torch.rand(2, 3, 48, 32), torch.rand(2, 12, 3, 2, requires_grad=True)
    ours = theirs.detach().clone().requires_grad_()
    logits, expected = peer.predictor(decoder([image, ours])), peer(theirs)
    assert torch.allclose(logits, expected, atol=1e-4)
    for each in (logits, expected):
        each.square().mean().backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-4 * theirs.grad.abs().max())
    for ours, theirs in layers.items():
        got, wanted = ours.weight.grad, theirs.weight.grad
        assert torch.allclose(got, wanted, atol=1e-4 * wanted.abs().max())


def convolutions(module):
    return [each for each in module.modules() if isinstance(each, nn.Conv2d | nn.ConvTranspose2d)]
