"""The smallest encoder of each family, timm's and Mix Transformer, with every decoder that is registered."""

import pytest
import torch
from synthetic import DRIVING, OF_MAPS
from timm.models import list_modules, model_entrypoint
from torch import nn

import segzoo
from segzoo.host import registry
from segzoo.losses import MaskLoss, segments_of
from segzoo.matrix.checking import check_encoder

SIZE = (97, 131)
FAMILIES = segzoo.matrix.smallest_of_each_family(segzoo.list_encoders(), quiet=True)
PATTERN_SETTERS = ["unet", "fpn", "segformer"]
OF_QUERIES = [name for name in OF_MAPS if registry.find_decoder(name).load().emits == "queries"]


def test_all_of_timm_s_families_are_there():
    timms = [name for name in FAMILIES if not name.startswith("mit_")]
    assert {model_entrypoint(name).__module__.rpartition(".")[2] for name in timms} == set(list_modules())


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_plans_and_answers_with_every_decoder_on_the_meta_device(encoder):
    blocks = segzoo.plan(encoder, "fpn").encoder_spec.blocks
    _, pairs = check_encoder(encoder, segzoo.list_decoders() if blocks else OF_MAPS, SIZE)
    assert {pair.decoder: pair.reason for pair in pairs if pair.outcome != "pass"} == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", FAMILIES)
@pytest.mark.parametrize("decoder", DRIVING)
def test_a_family_lets_its_blocks_be_driven_or_refuses(encoder, decoder):
    blocks = segzoo.plan(encoder, "fpn").encoder_spec.blocks
    _, (pair,) = check_encoder(encoder, [decoder], SIZE)
    assert pair.outcome == ("pass" if blocks else "refused"), pair.reason


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
    assert_trains(encoder, OF_MAPS)


def assert_learns(model):
    """One step of mask classification reaches every weight that an image meets."""
    model.train()
    target = torch.randint(5, SIZE)
    target[:9] = segzoo.IGNORE
    queries = model(torch.rand(2, 3, *SIZE), queries=True)
    covered = model.plan.input_spec.padded(SIZE)
    loss = MaskLoss(**model.decoder.mask_loss)(queries, [segments_of(target), segments_of(target.flip(0))], covered)
    loss.backward()
    assert loss.isfinite()
    gradients = {name: weight.grad for name, weight in model.decoder.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None] == []
    assert [name for name, gradient in gradients.items() if not gradient.isfinite().all()] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_learns_by_masks(encoder):
    torch.manual_seed(0)
    shared = segzoo.create_model(encoder, "unet", classes=5).encoder
    for decoder in OF_QUERIES:
        assert_learns(segzoo.create_model(shared, decoder, classes=5))
    for decoder in DRIVING if shared.spec.blocks else ():
        assert_learns(segzoo.create_model(encoder, decoder, classes=5))
