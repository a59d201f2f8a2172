import pytest
import segmentation_models_pytorch as smp
import torch
from smp_parity import (
    HEAD,
    TIMM_ENCODER,
    UP_STEP,
    assert_same_gradients,
    assert_same_logits,
    carry_over,
    parameters,
)
from synthetic import PATTERNS, synthetic
from torch import nn

import segzoo

NODES = [(coarse, node) for coarse in range(4) for node in range(coarse + 1)]
RULES = [
    *HEAD,
    *TIMM_ENCODER,
    *((rf"^decoder\.blocks\.x_{coarse - node}_{coarse}\.", f"decoder.rows.{coarse}.{node}.") for coarse, node in NODES),
    (r"^decoder\.blocks\.x_0_4\.", "decoder.last."),
    *UP_STEP,
]


def counterparts(attention):
    """SMP's U-Net++ and ours with its weights; SMP's last step has an attention that it never calls."""
    torch.manual_seed(0)
    peer = smp.UnetPlusPlus("resnet34", encoder_weights=None, classes=5, decoder_attention_type=attention)
    peer.decoder.blocks["x_0_4"].attention1 = nn.Identity()
    model = segzoo.create_model("resnet34", "unetplusplus", classes=5, decoder_options={"attention": attention})
    carry_over(peer, model, RULES)
    return peer, model


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", "unetplusplus", classes=19)
    assert parameters(model) == 48_988_355


def test_logits_are_smp_s():
    assert_same_logits(*counterparts(None), torch.rand(2, 3, 64, 96))


def test_logits_with_scse_are_smp_s():
    """In float64: with random weights the gates blow the rounding of float32 up to 1e-4."""
    peer, model = counterparts("scse")
    assert_same_logits(peer.double(), model.double(), torch.rand(2, 3, 64, 96).double())


def test_gradients_are_smp_s():
    assert_same_gradients(*counterparts("scse"), torch.rand(2, 3, 32, 64), RULES)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_takes_encoders_of_every_kind(pattern):
    segzoo.plan(synthetic(pattern), "unetplusplus")


@pytest.mark.parametrize("pattern", ["resnet", "mit"])
def test_every_parameter_gets_a_gradient_at_any_size(pattern):
    model = segzoo.create_model(synthetic(pattern), "unetplusplus", classes=3).train()
    logits = model(torch.rand(1, 3, 97, 131))
    logits.square().mean().backward()
    assert logits.shape == (1, 3, 97, 131)
    assert not [name for name, parameter in model.decoder.named_parameters() if parameter.grad is None]


def test_a_row_without_a_skip_has_all_its_nodes_as_wide_as_u_net_s():
    decoder = segzoo.create_model(synthetic("mit"), "unetplusplus", classes=3).decoder
    stride_2 = decoder.rows[-1]
    assert [node.refine.conv.out_channels for node in stride_2] == [32, 32, 32, 32]


def test_every_row_has_a_node_more_than_the_one_below():
    decoder = segzoo.create_model(synthetic("resnet"), "unetplusplus", classes=3).decoder
    assert [len(nodes) for nodes in decoder.rows] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"widths": [16]}, "a width for each of 5 steps"),
        ({"attention": "gate"}, r"one of \(None, 'scse'\), got 'gate'"),
    ],
)
def test_options_out_of_range_are_refused(options, told):
    with pytest.raises(segzoo.OptionError, match=told):
        segzoo.plan(synthetic("resnet"), "unetplusplus", decoder_options=options)
