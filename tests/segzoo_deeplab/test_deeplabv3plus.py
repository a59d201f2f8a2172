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

import segzoo

SMP = [
    (r"^decoder\.aspp\.1\.0\.", "decoder.refine.depthwise.conv."),
    (r"^decoder\.aspp\.1\.1\.", "decoder.refine.pointwise.conv."),
    (r"^decoder\.aspp\.2\.", "decoder.refine.pointwise.norm."),
    (r"^decoder\.aspp\.0\.", "decoder.aspp."),
    *ASPP,
    (r"^decoder\.block1\.0\.", "decoder.low.conv."),
    (r"^decoder\.block1\.1\.", "decoder.low.norm."),
    (r"^decoder\.block2\.0\.0\.", "decoder.fuse.0.depthwise.conv."),
    (r"^decoder\.block2\.0\.1\.", "decoder.fuse.0.pointwise.conv."),
    (r"^decoder\.block2\.1\.", "decoder.fuse.0.pointwise.norm."),
]
MMSEGMENTATION = {
    "width": 512,
    "depthwise_norm": True,
    "project_kernel": 3,
    "fuse_convs": 2,
    "dropout": 0.0,
    "head_dropout": 0.1,
    "output_stride": 8,
}


def counterparts(separable=True):
    """SMP's DeepLabV3+ and ours with its weights, 5 classes. SMP's `tu-` encoder is dilated by timm, as ours is."""
    torch.manual_seed(0)
    peer = smp.DeepLabV3Plus("tu-resnet34", encoder_weights=None, classes=5, decoder_aspp_separable=separable)
    options = {"separable": separable, "align_corners": True}
    model = segzoo.create_model("resnet34", "deeplabv3plus", classes=5, decoder_options=options)
    rules = [*HEAD, *TIMM_ENCODER, *SMP, *(SEPARABLE if separable else [])]
    carry_over(peer, model, rules)
    return without_chance(peer), without_chance(model), rules


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        assert parameters(segzoo.create_model("resnet50", "deeplabv3plus", classes=19)) == 26_682_211


@pytest.mark.parametrize("separable", [False, True])
def test_its_logits_are_smp_s(separable):
    peer, model, _ = counterparts(separable)
    assert_same_logits(peer, model, torch.rand(2, 3, 64, 96))


@pytest.mark.parametrize("separable", [False, True])
def test_its_gradients_are_smp_s(separable):
    peer, model, rules = counterparts(separable)
    assert_same_gradients(peer, model, torch.rand(2, 3, 64, 96), rules)


def test_it_has_as_many_parameters_as_mmsegmentation_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet101c", "deeplabv3plus", classes=150, decoder_options=MMSEGMENTATION)
        auxiliary = FCNHead(1024, classes=150)
    assert round((parameters(model) + parameters(auxiliary)) / 1e6, 1) == 62.7


@pytest.mark.parametrize(
    "option",
    [
        {"width": 0},
        {"low_width": 0},
        {"rates": []},
        {"project_kernel": 5},
        {"fuse_convs": 0},
        {"dropout": 1},
        {"head_dropout": 1},
        {"output_stride": 32},
    ],
)
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match=next(iter(option))):
        segzoo.plan(synthetic("resnet"), "deeplabv3plus", decoder_options=option)
