"""Decoders have as many parameters as their peers', encoder and classifier included."""

import pytest
import torch
from fcn_head import FCNHead
from smp_parity import parameters

import segzoo

OF_SMP = [  # on resnet50, 19 classes; DPT and PSPNet, which differ in their encoders, are counted in their own tests
    ("deeplabv3", {}, 39_638_355),
    ("deeplabv3plus", {}, 26_682_211),
    ("fpn", {}, 26_118_355),
    ("linknet", {}, 31_178_371),
    ("manet", {}, 147_442_603),
    ("pan", {}, 24_265_018),
    ("segformer", {"finest_stride": 2}, 24_841_811),
    ("unet", {}, 32_523_715),
    ("unetplusplus", {}, 48_988_355),
    ("upernet", {}, 37_289_299),
]
OF_TORCHVISION = [  # 21 classes
    ("resnet50", "deeplabv3", True, 42_004_074),
    ("resnet50", "fcn", True, 35_322_218),
    ("mobilenetv3_large_100", "lraspp", False, 3_221_538),
]
OF_MMSEGMENTATION = [  # 150 classes, in millions, with an auxiliary head
    pytest.param(
        "resnet101c",
        "deeplabv3plus",
        {"width": 512, "depthwise_norm": True, "project_kernel": 3, "fuse_convs": 2, "output_stride": 8},
        "62.7",
        marks=pytest.mark.slow,
    ),
    ("resnet101c", "fcn", {"width": 512, "convs": 2, "concat_input": True}, "68.6"),
    ("resnet101c", "pspnet", {"pool_width": 512, "kernel": 3, "image_norm": True, "head_kernel": 1}, "68.1"),
    ("swin_tiny_patch4_window7_224", "upernet", {"width": 512}, "59.94"),
    ("convnext_tiny", "upernet", {"width": 512}, "60.24"),
    ("resnet50c", "upernet", {"width": 512, "input_norm": False}, "66.52"),
]

WITHOUT_CLASSIFICATION = {"head": ""}  # timm's HRNet else widens its maps for it
LARGE = {"fused": True, "act": "gelu_tanh"}
OF_AUTHORS = [  # 150 classes: what is published, exactly what it comes to here
    pytest.param(
        *("hrnet_w48", WITHOUT_CLASSIFICATION, "ocrnet", {"coarse_width": 720}, "70.5", 70_533_100),
        marks=pytest.mark.slow,
    ),
    ("efficientvit_l1", {}, "efficientvit", LARGE | {"width": 128, "final_expansion": 8}, "40", 40_409_526),
    pytest.param(
        *("efficientvit_l2", {}, "efficientvit", LARGE | {"width": 128, "final_expansion": 8}, "51", 51_462_454),
        marks=pytest.mark.slow,
    ),
]


def count(encoder, decoder, classes, options, auxiliary):
    """How many parameters a model has, perhaps with an auxiliary head on stage 4."""
    with torch.device("meta"):
        model = segzoo.create_model(encoder, decoder, classes=classes, decoder_options=options)
        head = FCNHead(model.encoder.spec.channels[4], classes)
    return parameters(model) + (parameters(head) if auxiliary else 0)


@pytest.mark.parametrize(("decoder", "options", "expected"), OF_SMP)
def test_smp_has_as_many(decoder, options, expected):
    assert count("resnet50", decoder, 19, options, auxiliary=False) == expected


@pytest.mark.parametrize(("encoder", "decoder", "auxiliary", "expected"), OF_TORCHVISION)
def test_torchvision_has_as_many(encoder, decoder, auxiliary, expected):
    assert count(encoder, decoder, 21, {}, auxiliary) == expected


@pytest.mark.parametrize(("encoder", "decoder", "options", "millions"), OF_MMSEGMENTATION)
def test_mmsegmentation_has_as_many(encoder, decoder, options, millions):
    decimals = len(millions.partition(".")[2])
    assert f"{count(encoder, decoder, 150, options, auxiliary=True) / 1e6:.{decimals}f}" == millions


@pytest.mark.parametrize(("encoder", "encoder_options", "decoder", "options", "millions", "expected"), OF_AUTHORS)
def test_its_authors_publish_as_many(encoder, encoder_options, decoder, options, millions, expected):
    with torch.device("meta"):
        model = segzoo.create_model(
            encoder, decoder, classes=150, encoder_options=encoder_options, decoder_options=options
        )
    assert parameters(model) == expected
    assert f"{expected / 1e6:.{len(millions.partition('.')[2])}f}" == millions


def test_segmenter_has_what_its_authors_code_has_but_for_what_it_leaves_unused():
    """Theirs is 103,266,580 for 150 classes at 512 pixels, by arithmetic; 106 M is published."""
    width, blocks = 768, 12
    block = 12 * width**2 + 13 * width
    encoder = 16 * 16 * 3 * width + width + width + (32 * 32 + 1) * width + blocks * block + 2 * width
    classifier = 1000 * width + 1000
    decoder = width**2 + width + 2 * block + 150 * width + 2 * width**2 + 2 * width + 2 * 150
    assert encoder + classifier + decoder == 103_266_580
    more_positions, last_norm = (32 * 32 - 24 * 24) * width, 2 * width
    with torch.device("meta"):
        ours = parameters(segzoo.create_model("vit_base_patch16_384", "segmenter", classes=150))
    assert ours == 103_266_580 - classifier - more_positions - last_norm
