"""The smallest encoder of each family, timm's and Mix Transformer, with every decoder that is registered."""

import pytest
import torch
from timm.models import list_modules, model_entrypoint
from torch import nn

import segzoo
from segzoo.matrix.checking import check_encoder

SIZE = (97, 131)
FAMILIES = segzoo.matrix.smallest_of_each_family(segzoo.list_encoders(), quiet=True)
PATTERN_SETTERS = ["unet", "fpn", "segformer"]


def test_all_of_timm_s_families_are_there():
    timms = [name for name in FAMILIES if not name.startswith("mit_")]
    assert {model_entrypoint(name).__module__.rpartition(".")[2] for name in timms} == set(list_modules())


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_plans_and_answers_with_every_decoder_on_the_meta_device(encoder):
    _, pairs = check_encoder(encoder, segzoo.list_decoders(), SIZE)
    assert {pair.decoder: pair.reason for pair in pairs if pair.outcome != "pass"} == {}


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


def assert_trains(encoder, decoders):
    torch.manual_seed(0)
    shared = Once(segzoo.create_model(encoder, "unet", classes=5).encoder.train())
    image = torch.rand(2, 3, *SIZE)
    for decoder in decoders:
        logits = segzoo.create_model(shared, decoder, classes=5).train()(image)
        assert logits.shape == (2, 5, *SIZE), decoder
        assert logits.isfinite().all(), decoder
        (gradient,) = torch.autograd.grad(logits.square().mean(), first_weight(shared), retain_graph=True)
        assert gradient.isfinite().all(), decoder
        assert gradient.abs().sum() > 0, decoder


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_trains(encoder):
    assert_trains(encoder, PATTERN_SETTERS)


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_trains_with_every_decoder(encoder):
    assert_trains(encoder, segzoo.list_decoders())
