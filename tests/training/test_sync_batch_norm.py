"""Batch norms that are one over all devices: timm's conversion, which keeps the activation that some of timm's hold."""

import pytest
import torch
from synthetic import EVERY_DECODER, partner, small
from timm.layers import convert_sync_batchnorm
from torch import nn

import segzoo


def with_statistics(model):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.bias, -1, 1)
    return model.eval()


@torch.no_grad()
def assert_same(model):
    image = torch.rand(1, 3, 64, 64)
    before, names = model(image), list(model.state_dict())
    converted = convert_sync_batchnorm(model)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in converted.modules())
    torch.testing.assert_close(converted(image), before)
    assert list(converted.state_dict()) == names


@pytest.mark.parametrize("decoder", EVERY_DECODER)
def test_a_decoder_computes_the_same(decoder):
    assert_same(
        with_statistics(segzoo.create_model(partner(decoder), decoder, classes=2, decoder_options=small(decoder)))
    )


@pytest.mark.parametrize("encoder", ["mobilenetv3_small_050", pytest.param("resnetv2_18", marks=pytest.mark.slow)])
def test_an_encoder_computes_the_same(encoder):
    assert_same(with_statistics(segzoo.create_model(encoder, "linear", classes=2)))


def test_a_frozen_encoder_s_stay_as_they_are():
    model = segzoo.create_model("resnet18", "linear", classes=2).train()
    model.freeze_encoder()
    converted = convert_sync_batchnorm(model)
    assert not any(module.training for module in converted.encoder.modules())
