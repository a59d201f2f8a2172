"""The smallest encoder of each family of timm, and Mix Transformer, with every decoder that is registered."""

import pytest
import torch
from torch import nn

import segzoo
from segzoo.matrix.checking import check_encoder
from segzoo.matrix.families import smallest_of_each_family

SIZE = (97, 131)
FAMILIES = smallest_of_each_family(segzoo.list_encoders(), quiet=True)


def test_timm_s_families_are_all_there():
    assert len(FAMILIES) >= 99


@pytest.mark.slow
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_plans_and_answers_with_every_decoder_on_the_meta_device(encoder):
    _, pairs = check_encoder(encoder, segzoo.list_decoders(), SIZE)
    assert {pair.decoder: pair.reason for pair in pairs if pair.status != "pass"} == {}


class Once(nn.Module):
    """An encoder that runs once for each image, however many decoders take its maps."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.spec, self.input_spec = encoder.spec, encoder.input_spec
        self.known = {}

    def forward(self, image):
        key = (image.device.type, tuple(image.shape))
        if key not in self.known:
            self.known[key] = self.encoder(image)
        return list(self.known[key])


def first_weight(encoder):
    """Of the first convolution or projection."""
    return next(module.weight for module in encoder.modules() if isinstance(module, nn.Conv2d | nn.Linear))


@pytest.mark.slow
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_trains_with_every_decoder(encoder):
    torch.manual_seed(0)
    shared = Once(segzoo.create_model(encoder, "unet", classes=5).encoder.train())
    image = torch.rand(2, 3, *SIZE)
    for decoder in segzoo.list_decoders():
        logits = segzoo.create_model(shared, decoder, classes=5).train()(image)
        assert logits.shape == (2, 5, *SIZE), decoder
        assert logits.isfinite().all(), decoder
        (gradient,) = torch.autograd.grad(logits.square().mean(), first_weight(shared), retain_graph=True)
        assert gradient.isfinite().all(), decoder
        assert gradient.abs().sum() > 0, decoder
