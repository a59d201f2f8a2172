"""SMP's encoders: each has its like here, with its weights, its maps and its dilation."""

import pytest
import segmentation_models_pytorch as smp
import torch
from foreign import difference, disturb
from importing import import_checkpoint
from smp_parity import create_peer

import segzoo
from segzoo_smp.encoders import ENCODERS
from segzoo_smp.importer import SMPImporter
from segzoo_smp.recipes import RECIPES
from segzoo_smp.translation import translate

SMALL = {"decoder_channels": (32, 16, 8, 8, 8)}
QUICK = ["resnet18", "mit_b0", "mobilenet_v2", "timm-efficientnet-b0", "tu-test_convnext"]
FAMILIES = [
    *QUICK,
    "efficientnet-b0",
    *("vgg11", "vgg11_bn", "densenet121", "efficientnet-b1", "timm-tf_efficientnet_lite0", "resnext50_32x4d"),
    *("timm-skresnet18", "timm-skresnext50_32x4d", "timm-resnest14d", "timm-res2net50_26w_4s", "timm-regnetx_002"),
    *("timm-gernet_s", "timm-mobilenetv3_small_minimal_100", "tu-resnet18", "tu-vgg11", "tu-efficientnet_b0"),
    *("se_resnet50", "se_resnext50_32x4d", "dpn68", "dpn92", "inceptionv4", "inceptionresnetv2", "xception"),
    *("tu-swin_tiny_patch4_window7_224", "tu-hrnet_w18_small", "tu-dla46x_c", "tu-legacy_xception", "tu-tresnet_m"),
]
OTHERS = ("mobileone",)
IMPORTED = [name for name in smp.encoders.encoders if not name.startswith(OTHERS)]
EMPTY = ("mit_b0", "tu-test_convnext")  # at stride 2, where SMP rounds the size down, and segzoo up
MULTIPLES = ("tu-dla46x_c", "tu-hrnet_w18_small", "tu-tresnet_m")  # alone are taken, by timm's feature extractors
DILATED = [
    *("resnet18", "mobilenet_v2", "efficientnet-b0", "timm-efficientnet-b0", "timm-skresnet18", "resnet50"),
    *("timm-resnest14d", "timm-regnetx_002", "timm-mobilenetv3_small_minimal_100", "se_resnet50", "dpn68"),
]


def slow_unless(quick, names):
    return [pytest.param(name, marks=[] if name in quick else [pytest.mark.slow]) for name in names]


def sizes(encoder):
    """Those that SMP takes with U-Net."""
    if encoder.endswith("224"):
        return [(224, 224)]
    more = [] if encoder in MULTIPLES else [(98, 130)] if encoder in EMPTY else [(97, 131)]
    return [(64, 64), (96, 160), *more]


def shapes(weights):
    return {name: tuple(weight.shape) for name, weight in weights.items()}


@pytest.mark.parametrize("encoder", slow_unless(QUICK, FAMILIES))
def test_the_logits_are_smp_s(encoder, tmp_path):
    peer = disturb(create_peer("Unet", encoder_name=encoder, **SMALL))
    peer.save_pretrained(tmp_path)
    model = import_checkpoint(SMPImporter(), tmp_path)
    for size in sizes(encoder):
        image = torch.rand(1, 3, *size)
        with torch.no_grad():
            assert difference(model(image), peer(image)) < 1e-4


@pytest.mark.parametrize("output_stride", [pytest.param(8), pytest.param(16, marks=pytest.mark.slow)])
@pytest.mark.parametrize("encoder", slow_unless(["efficientnet-b0"], DILATED))
def test_a_dilated_encoder_has_smp_s_logits(encoder, output_stride, tmp_path):
    arguments = {"encoder_name": encoder, "encoder_output_stride": output_stride, "decoder_channels": 32}
    peer = disturb(create_peer("DeepLabV3Plus", **arguments))
    peer.save_pretrained(tmp_path)
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        assert difference(import_checkpoint(SMPImporter(), tmp_path)(image), peer(image)) < 1e-4


@pytest.mark.parametrize("encoder", slow_unless(["vgg11", "densenet121"], IMPORTED))
@pytest.mark.parametrize("depth", [pytest.param(5, marks=pytest.mark.slow), 3])
def test_every_weight_of_an_encoder_has_its_place(encoder, depth):
    arguments = {"encoder_name": encoder, "encoder_depth": depth, "decoder_channels": (32, 16, 8, 8, 8)[:depth]}
    with torch.device("cpu" if encoder.startswith("mit_b") else "meta"):  # SMP's reads a value as it is built
        peer = create_peer("Unet", **arguments)
    translation = translate({"architecture": "Unet", "classes": 3, **arguments})
    assert shapes(translation.rename(peer.state_dict())) == {
        name: tuple(shape) for name, shape in translation.shapes.items()
    }


def test_all_that_smp_has_of_a_family_is_imported():
    assert set(RECIPES) <= set(IMPORTED)
    assert set(ENCODERS) == set(IMPORTED)


@pytest.mark.parametrize("encoder", ["mobileone_s0", "resnet19"])
def test_an_encoder_that_no_other_library_has_is_refused(encoder):
    with pytest.raises(segzoo.CheckpointError, match=f"encoder '{encoder}' can't be imported.*same layers"):
        translate({"architecture": "Unet", "encoder_name": encoder})


@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        ("mit_b0", "mit_b0 can't be imported with output stride 16"),
        ("vgg11", "vgg11 can't be imported with output stride 16"),
        ("xception", "xception can't be imported with encoder_output_stride=16.*pools between its stages"),
        pytest.param(
            "densenet121",
            "densenet121 can't be imported with encoder_output_stride=16.*pools between its stages",
            marks=pytest.mark.slow,
        ),
        ("tu-test_coatnet", "encoder_output_stride=16: .*test_coatnet can't be dilated to stride 16"),
    ],
)
def test_a_dilation_that_segzoo_lacks_is_refused(encoder, told):
    with pytest.raises(segzoo.CheckpointError, match=told):
        translate({"architecture": "DeepLabV3Plus", "encoder_name": encoder})


@pytest.mark.parametrize(("output_stride", "strides"), [(None, (1, 2, 4, 8, 16, 32)), (8, (1, 2, 4, 8, 8, 8))])
@pytest.mark.parametrize("size", [pytest.param((64, 96), marks=pytest.mark.slow), (97, 131)])
def test_an_encoder_made_of_timm_s_layers_keeps_its_spec(output_stride, strides, size):
    options = {} if output_stride is None else {"output_stride": output_stride}
    with torch.device("meta"):
        encoder = segzoo.create_model("smp-efficientnet-b1", "fpn", classes=1, encoder_options=options).encoder
        maps = encoder.eval()(torch.empty(1, 3, *size))
    assert encoder.spec == segzoo.FeatureSpec((3, 32, 24, 40, 112, 320), strides)
    assert [each.shape[1] for each in maps] == list(encoder.spec.channels)


@pytest.mark.parametrize(
    ("name", "arguments", "error", "told"),
    [
        ("smp-resnet18", {"depth": 6}, segzoo.OptionError, "no depth 6"),
        ("smp-resnet18", {"encoder_options": {"drop": 1}}, segzoo.OptionError, "no option drop"),
        ("smp-resnet18", {"encoder_options": {"output_stride": 4}}, segzoo.NegotiationError, "can't be dilated"),
        ("smp-densenet121", {"encoder_options": {"output_stride": 8}}, segzoo.NegotiationError, "it pools"),
        ("smp-resnet18", {"encoder_options": {"prefix": "concat"}}, segzoo.NegotiationError, "no class token"),
        ("smp-resnet18", {"pretrained": True}, segzoo.CheckpointError, "no published weights"),
        ("smp-resnet19", {}, segzoo.UnknownNameError, "smp-resnet19"),
    ],
)
def test_what_an_encoder_made_of_timm_s_layers_lacks_is_refused(name, arguments, error, told):
    with pytest.raises(error, match=told):
        segzoo.create_model(name, "fpn", classes=1, **arguments)


def test_listings_leave_smp_s_encoders_out():
    assert not segzoo.list_encoders("smp-*")
