import pytest
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic
from timm.models import vision_transformer

import segzoo
from segzoo_segmenter.transformer import Block


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_deepest_map_is_taken(pattern):
    plan = segzoo.plan(synthetic(pattern), "segmenter")
    assert plan.stages == (plan.spec.native[-1],)


@pytest.mark.parametrize(("encoder", "millions"), [("vit_tiny_patch16_384", 7), ("vit_small_patch16_384", 26)])
def test_it_has_as_many_parameters_pinned(encoder, millions):
    with torch.device("meta"):
        assert round(parameters(segzoo.create_model(encoder, "segmenter", classes=150)) / 1e6) == millions


def test_a_convolutional_encoder_is_wished_to_be_dilated_to_stride_8():
    assert segzoo.plan("resnet18", "segmenter").request.output_stride == 8
    options = {"output_stride": None}
    assert segzoo.plan("resnet18", "segmenter", decoder_options=options).request.output_stride is None


@pytest.mark.parametrize(
    ("encoder", "given", "width"),
    [
        ("resnet18", None, 192),
        ("resnet18", 512, 512),
        ("vit_small_patch16_224", None, 384),
        ("vit_small_patch16_224", 192, 192),
    ],
)
def test_it_is_as_wide_as_a_transformer_s_maps_and_narrow_on_a_pyramid(encoder, given, width):
    with torch.device("meta"):
        model = segzoo.create_model(encoder, "segmenter", classes=3, decoder_options={"width": given})
    assert model.decoder.project.out_features == width


def test_at_first_a_block_is_the_identity():
    decoder = segzoo.create_model(synthetic("plain_vit"), "segmenter", classes=3).decoder.eval()
    tokens = torch.rand(1, 7, decoder.project.out_features)
    assert torch.equal(decoder.blocks(tokens), tokens)


def test_an_encoder_of_stride_16_is_not_asked_to_be_dilated():
    plan = segzoo.plan("vit_tiny_patch16_224", "segmenter")
    assert (plan.request.output_stride, plan.refusals, plan.notes) == (None, (), ())


def test_a_single_class_depends_on_the_image():
    torch.manual_seed(0)
    model = segzoo.create_model(synthetic("plain_vit"), "segmenter", classes=1).eval()
    assert model(torch.rand(1, 3, 64, 64)).std() > 1e-4


def test_classes_are_products_of_patches_and_class_tokens():
    torch.manual_seed(0)
    decoder = segzoo.create_model(synthetic("plain_vit"), "segmenter", classes=3).decoder.eval()
    decoder.norm_masks = torch.nn.Identity()
    assert decoder([torch.rand(1, 32, 4, 6)]).abs().max() <= 1  # cosines


def test_a_block_is_that_of_timm():
    ours, peer = Block(128, heads=2, dropout=0.0), vision_transformer.Block(128, 2, qkv_bias=True)
    peer.load_state_dict(ours.state_dict())
    tokens = torch.rand(2, 9, 128)
    assert torch.allclose(ours(tokens), peer(tokens), atol=1e-6)
