import pytest
import torch
from synthetic import synthetic
from torch import nn

import segzoo


def test_a_centre_of_one_pixel_trains_with_a_batch_of_one():
    model = segzoo.create_model(synthetic("levit"), "unet", classes=3, decoder_options={"center": True})
    assert model.train()(torch.rand(1, 3, 64, 64)).isfinite().all()


def test_only_skips_with_channels_are_gated():
    model = segzoo.create_model(synthetic("mit"), "unet", classes=3, decoder_options={"attention": "gate"})
    assert [hasattr(step, "gates") for step in model.decoder.steps] == [True, True, True, False, False]


def test_a_closed_gate_lets_nothing_of_the_skip_through():
    model = segzoo.create_model(synthetic("resnet"), "unet", classes=3, decoder_options={"attention": "gate"})
    gate = model.decoder.steps[0].gates[0]
    nn.init.constant_(gate.weigh.bias, -1e9)
    skip = torch.rand(1, model.decoder.stages.channels[-2], 8, 8)
    assert gate(skip, torch.rand(1, model.decoder.stages.channels[-1], 4, 4)).abs().max() == 0


@pytest.mark.parametrize("norm", [None, "layernorm2d", "groupnorm1"])
def test_the_norm_is_a_choice(norm):
    segzoo.plan(synthetic("resnet"), "unet", decoder_options={"norm": norm})
