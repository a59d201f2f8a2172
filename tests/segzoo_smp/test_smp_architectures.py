"""SMP's twelve architectures: saved by SMP, imported, and held against SMP's own logits and gradients."""

import pytest
import torch
from foreign import difference, disturb
from importing import import_checkpoint
from smp_parity import assert_same_gradients, counterparts, create_peer

from segzoo_smp.architectures import ARCHITECTURES
from segzoo_smp.importer import SMPImporter
from segzoo_smp.translation import translate

SMALL_UNET = {"encoder_name": "resnet18", "decoder_channels": (64, 32, 16, 16, 16)}
SMALL_DPT = {
    "encoder_name": "tu-test_vit",
    "decoder_intermediate_channels": (16, 24, 32, 40),
    "decoder_fusion_channels": 32,
    "img_size": 64,  # which SMP hands on to timm
}
RESNET = {"encoder_name": "resnet18"}
DILATED_BY_TIMM = {"encoder_name": "tu-resnet18"}
MIT = {"encoder_name": "mit_b0"}
VARIANTS = [
    ("Unet", RESNET),
    ("Unet", MIT | {"decoder_attention_type": "scse", "in_channels": 2}),
    ("Unet", SMALL_UNET | {"decoder_attention_type": "scse", "decoder_use_norm": True}),
    ("Unet", SMALL_UNET | {"decoder_use_norm": {"type": "identity"}}),
    ("Unet", SMALL_UNET | {"decoder_use_batchnorm": False}),
    ("Unet", RESNET | {"encoder_depth": 3, "decoder_channels": (64, 32, 16)}),
    ("Unet", SMALL_UNET | {"decoder_interpolation": "bilinear"}),
    ("Unet", SMALL_UNET | {"decoder_interpolation": "bicubic", "decoder_attention_type": "scse"}),
    ("UnetPlusPlus", RESNET),
    ("UnetPlusPlus", RESNET | {"decoder_interpolation": "bicubic"}),
    (
        "UnetPlusPlus",
        RESNET | {"encoder_depth": 4, "decoder_channels": (64, 32, 16, 16), "decoder_attention_type": "scse"},
    ),
    ("MAnet", RESNET),
    ("MAnet", MIT | {"decoder_pab_channels": 32, "decoder_use_norm": "identity"}),
    ("MAnet", SMALL_UNET | {"decoder_interpolation": "bilinear"}),
    ("MAnet", SMALL_UNET | {"decoder_interpolation": "bicubic"}),
    ("Linknet", RESNET),
    ("Linknet", DILATED_BY_TIMM | {"encoder_depth": 4, "in_channels": 1}),
    ("FPN", RESNET),
    ("FPN", MIT | {"decoder_merge_policy": "cat", "decoder_segmentation_channels": 64}),
    ("FPN", RESNET | {"decoder_interpolation": "bilinear"}),
    ("PSPNet", RESNET),
    ("PSPNet", RESNET | {"encoder_depth": 4, "upsampling": 16, "psp_out_channels": 64}),
    ("DeepLabV3", RESNET),
    ("DeepLabV3", DILATED_BY_TIMM | {"decoder_aspp_separable": True, "decoder_channels": 64}),
    ("DeepLabV3", RESNET | {"encoder_output_stride": 16, "decoder_channels": 64}),
    ("DeepLabV3", RESNET | {"encoder_depth": 3, "decoder_channels": 64}),
    ("DeepLabV3Plus", RESNET),
    ("DeepLabV3Plus", RESNET | {"encoder_output_stride": 8, "decoder_channels": 64}),
    ("DeepLabV3Plus", DILATED_BY_TIMM | {"decoder_aspp_separable": False, "decoder_channels": 64}),
    ("DeepLabV3Plus", RESNET | {"encoder_depth": 4, "decoder_channels": 64}),
    ("PAN", RESNET),
    ("PAN", RESNET | {"encoder_depth": 4}),
    ("PAN", MIT | {"encoder_output_stride": 32}),
    ("PAN", RESNET | {"decoder_interpolation": "nearest"}),
    ("PAN", RESNET | {"decoder_interpolation": "bicubic"}),
    ("UPerNet", RESNET),
    ("UPerNet", MIT | {"decoder_channels": 64}),
    ("UPerNet", RESNET | {"encoder_depth": 4, "decoder_channels": 64}),
    ("Segformer", RESNET),
    ("Segformer", MIT),
    ("Segformer", RESNET | {"encoder_depth": 3, "decoder_segmentation_channels": 64}),
    ("DPT", SMALL_DPT),
    ("DPT", SMALL_DPT | {"decoder_readout": "ignore"}),
    ("DPT", SMALL_DPT | {"encoder_name": "tu-convnext_atto", "decoder_readout": "ignore", "img_size": None}),
    ("DPT", SMALL_DPT | {"encoder_depth": 2, "decoder_intermediate_channels": (16, 24)}),
]
LEARNT = [
    ("Unet", SMALL_UNET | {"decoder_attention_type": "scse"}),
    ("Unet", MIT),
    ("UnetPlusPlus", RESNET | {"decoder_attention_type": "scse"}),
    ("MAnet", SMALL_UNET),
    ("Linknet", RESNET),
    ("FPN", RESNET),
    ("FPN", RESNET | {"decoder_merge_policy": "cat"}),
    ("FPN", MIT),
    ("PSPNet", DILATED_BY_TIMM),
    ("DeepLabV3", RESNET),
    ("DeepLabV3", DILATED_BY_TIMM | {"decoder_aspp_separable": True}),
    ("DeepLabV3Plus", RESNET),
    ("DeepLabV3Plus", DILATED_BY_TIMM | {"decoder_aspp_separable": False}),
    ("PAN", RESNET),
    ("UPerNet", RESNET),
    ("Segformer", RESNET),
    ("Segformer", MIT),
    ("DPT", SMALL_DPT),
]


def size(architecture, arguments):
    """Of an image: odd where SMP takes that (and has no empty skip), else multiples of 32 or what else it needs."""
    if architecture == "Unet" and arguments["encoder_name"] != "mit_b0":
        return 97, 131
    if architecture == "PAN":  # it halves its deepest map three times
        return (256, 288) if arguments.get("encoder_output_stride") == 32 else (128, 160)
    return (64, 64) if architecture == "DPT" else (64, 96)


def named(variants, quick):
    """A name for each; all are slow but the first of some architectures."""
    seen, params = set(), []
    for architecture, arguments in variants:
        label = "-".join([architecture, *map(str, arguments.values())])
        marks = [pytest.mark.slow] if architecture in seen or architecture not in quick else []
        params.append(pytest.param(architecture, arguments, id=label, marks=marks))
        seen.add(architecture)
    return params


@pytest.mark.parametrize(("architecture", "arguments"), named(VARIANTS, ARCHITECTURES))
def test_a_model_that_smp_saved_has_smp_s_logits(architecture, arguments, tmp_path):
    peer = disturb(create_peer(architecture, **arguments))
    peer.save_pretrained(tmp_path)
    model = import_checkpoint(SMPImporter(), tmp_path)
    image = torch.rand(2, arguments.get("in_channels", 3), *size(architecture, arguments))
    with torch.no_grad():
        expected = peer(image)
        assert expected.std() > 1e-3
        assert difference(model(image), expected) < 1e-4


@pytest.mark.parametrize(("architecture", "arguments"), named(LEARNT, ("Unet", "FPN", "PSPNet")))
def test_it_learns_as_smp_s_does(architecture, arguments):
    peer, model, translation = counterparts(architecture, **arguments)
    side = 128 if architecture == "PAN" else 64
    assert_same_gradients(peer, model, torch.rand(2, 3, side, side), translation)


def test_an_empty_skip_is_noted():
    (note,) = translate({"architecture": "Unet", **MIT}).notes
    assert "multiples of 2" in note
