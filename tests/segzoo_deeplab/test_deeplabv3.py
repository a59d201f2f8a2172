import pytest
import segmentation_models_pytorch as smp
import torch
from aspp_rules import ASPP, SEPARABLE
from fcn_head import FCNHead
from smp_parity import (
    HEAD,
    TIMM_ENCODER,
    assert_same_gradients,
    assert_same_logits,
    carry_over,
    parameters,
    without_chance,
)
from synthetic import synthetic
from torchvision.models.segmentation import deeplabv3_resnet50
from torchvision_model import BACKBONE, Out

import segzoo

SMP = [*ASPP, (r"^decoder\.conv\.", "decoder.refine.conv."), (r"^decoder\.bn\.", "decoder.refine.norm.")]
TORCHVISION = [
    *BACKBONE,
    (r"^classifier\.0\.", "decoder.aspp."),
    *ASPP,
    (r"^classifier\.1\.", "decoder.refine.conv."),
    (r"^classifier\.2\.", "decoder.refine.norm."),
    (r"^classifier\.4\.", "head.classifiers.logits.conv."),
]


def counterparts(separable=False):
    """SMP's DeepLabV3 and ours with its weights, 5 classes. SMP's `tu-` encoder is dilated by timm, as ours is."""
    torch.manual_seed(0)
    peer = smp.DeepLabV3("tu-resnet34", encoder_weights=None, classes=5, decoder_aspp_separable=separable)
    options = {"separable": separable, "align_corners": True}
    model = segzoo.create_model("resnet34", "deeplabv3", classes=5, decoder_options=options)
    rules = [*HEAD, *TIMM_ENCODER, *SMP, *(SEPARABLE if separable else [])]
    carry_over(peer, model, rules)
    return without_chance(peer), without_chance(model), rules


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        assert parameters(segzoo.create_model("resnet50", "deeplabv3", classes=19)) == 39_638_355


@pytest.mark.parametrize("separable", [False, True])
def test_its_logits_are_smp_s(separable):
    peer, model, _ = counterparts(separable)
    assert_same_logits(peer, model, torch.rand(2, 3, 64, 96))


@pytest.mark.parametrize("separable", [False, True])
def test_its_gradients_are_smp_s(separable):
    peer, model, rules = counterparts(separable)
    assert_same_gradients(peer, model, torch.rand(2, 3, 64, 96), rules)


def test_it_has_as_many_parameters_as_torchvision_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", "deeplabv3", classes=21)
        assert parameters(model) + parameters(FCNHead(1024, classes=21)) == 42_004_074


def test_its_logits_are_torchvision_s():
    torch.manual_seed(0)
    peer = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=5)
    model = segzoo.create_model("resnet50", "deeplabv3", classes=5)
    carry_over(peer, model, TORCHVISION)
    assert_same_logits(Out(peer), model, torch.rand(2, 3, 65, 97))


def test_mmsegmentation_s_joins_the_branches_by_one_3x3():
    options = {"width": 16, "project_kernel": 3, "dropout": 0.0, "head_dropout": 0.1}
    decoder = segzoo.create_model(synthetic("resnet"), "deeplabv3", classes=4, decoder_options=options).decoder
    assert decoder.aspp.project.conv.kernel_size == (3, 3)
    assert not list(decoder.refine.parameters())


@pytest.mark.parametrize(
    "option",
    [
        {"width": 0},
        {"rates": []},
        {"rates": [0]},
        {"project_kernel": 2},
        {"dropout": 1},
        {"head_dropout": 1},
        {"output_stride": 4},
    ],
)
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match=next(iter(option))):
        segzoo.plan(synthetic("resnet"), "deeplabv3", decoder_options=option)
