import pytest
import segmentation_models_pytorch as smp
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo

SMALL = {"width": 32, "reassemble_widths": [16, 24, 32, 40]}


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        model = segzoo.create_model("vit_base_patch16_224", "dpt", classes=19)
        peer = smp.DPT("tu-vit_base_patch16_224", encoder_weights=None, classes=19)
    assert parameters(peer) == 121_782_779
    unused = sum(parameters(part) for part in (peer.encoder.model.norm, peer.encoder.model.head))
    assert parameters(model) == 121_782_779 - unused


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_of_strides_is_taken(pattern):
    plan = segzoo.plan(synthetic(pattern), "dpt", decoder_options={"width": 32})
    assert plan.roles[0] == "size only"
    assert plan.neck is None


def test_blocks_of_one_resolution_become_a_pyramid():
    decoder = decoder_of("plain_vit")
    maps = [torch.rand(1, 32, 4, 6) for _ in range(4)]
    levels = [reassemble(each) for reassemble, each in zip(decoder.reassembles, maps, strict=True)]
    assert [tuple(level.shape[-2:]) for level in levels] == [(16, 24), (8, 12), (4, 6), (2, 3)]


def test_a_pyramid_keeps_its_strides_and_the_plan_says_so():
    plan = segzoo.plan(synthetic("resnet"), "dpt", decoder_options={"width": 32})
    assert "dpt: the encoder's maps are a pyramid, and keep their strides" in plan.notes
    assert all(isinstance(each.scale, torch.nn.Identity) for each in decoder_of("resnet").reassembles)


def decoder_of(pattern, **more):
    options = {**SMALL, "readout": "ignore", **more}
    return segzoo.create_model(synthetic(pattern), "dpt", classes=2, decoder_options=options).decoder.eval()


@pytest.mark.slow
def test_the_class_token_is_asked_for():
    assert segzoo.plan("vit_tiny_patch16_224", "dpt", decoder_options=SMALL).request.prefix == "concat"
    assert segzoo.plan("vit_tiny_patch16_224", "dpt", decoder_options={"readout": "ignore"}).request.prefix is None


@pytest.mark.slow
def test_the_class_token_is_read_into_each_pixel():
    plan = segzoo.plan("vit_tiny_patch16_224", "dpt", decoder_options=SMALL)
    assert plan.spec.token_channels[2:] == (192,) * 4
    decoder = on_meta("vit_tiny_patch16_224").decoder
    assert [each.project.weight.shape[:2] for each in decoder.readouts] == [(192, 384)] * 4


@pytest.mark.parametrize(
    "encoder", [pytest.param("xcit_nano_12_p16_224", marks=pytest.mark.slow), "vit_wee_patch16_reg1_gap_256"]
)
def test_without_a_class_token_all_channels_are_the_map_s(encoder):
    model = on_meta(encoder)
    assert any("no class token" in refusal for refusal in model.plan.refusals)
    assert all(isinstance(readout, torch.nn.Identity) for readout in model.decoder.readouts)
    assert [each.project.in_channels for each in model.decoder.reassembles] == list(model.plan.spec.channels[2:])


def on_meta(encoder):
    with torch.device("meta"):
        return segzoo.create_model(encoder, "dpt", classes=2, decoder_options=SMALL)


def test_without_residual_norms_the_convolutions_have_biases():
    options = {**SMALL, "readout": "ignore", "residual_norm": False}
    decoder = segzoo.create_model(synthetic("resnet"), "dpt", classes=2, decoder_options=options).decoder
    names = {
        name.removeprefix("fusions.0.refine_sum.") for name, _ in decoder.named_parameters() if "0.refine_s" in name
    }
    assert names == {"convs.1.conv.weight", "convs.1.conv.bias", "convs.2.conv.weight", "convs.2.conv.bias"}


@pytest.mark.parametrize(("norm", "bias"), [(True, True), (False, False)])
def test_biases_of_the_residual_units_can_be_chosen(norm, bias):
    decoder = decoder_of("resnet", residual_norm=norm, residual_bias=bias)
    assert all((conv.bias is not None) is bias for conv in convolutions(decoder.fusions[0].refine_sum))


def convolutions(module):
    return [each for each in module.modules() if isinstance(each, torch.nn.Conv2d)]


def test_the_coarsest_level_can_pass_one_residual_unit_alone():
    fusions = decoder_of("plain_vit", refine_coarsest=False).fusions
    assert [len(convolutions(fusion.refine_level)) for fusion in fusions] == [2, 2, 2, 0]
    assert [len(convolutions(fusion.refine_sum)) for fusion in fusions] == [2] * 4


def test_the_last_convolution_can_be_linear():
    decoder = decoder_of("plain_vit", last_act=False)
    first, second = torch.rand(2, 1, 32, 4, 4)
    zero = decoder.refine(torch.zeros_like(first))
    together = decoder.refine(first + second) + zero
    assert torch.allclose(together, decoder.refine(first) + decoder.refine(second), atol=1e-5)


@pytest.mark.parametrize(("size", "expected"), [("half", (49, 70)), ("double", (56, 80))])
def test_of_patches_of_14_pixels_half_the_image_is_not_double_the_finest_level(size, expected):
    decoder = decoder_of("patch_14", output_size=size)
    half, *maps = torch.zeros(1, 0, 49, 70), *torch.rand(4, 1, 32, 7, 10)
    assert decoder([half, *maps]).shape[-2:] == expected


@pytest.mark.parametrize(
    ("option", "of_maps", "of_logits"), [(False, False, False), (True, True, True), ("maps", True, False)]
)
def test_corners_are_aligned_of_maps_and_logits_or_of_maps_alone(option, of_maps, of_logits):
    decoder = decoder_of("plain_vit", align_corners=option)
    assert (decoder.fusions[0].align_corners, decoder.head_align_corners) == (of_maps, of_logits)
