"""Gradient checkpointing, weight decay and groups of layers: what timm's models say of themselves, and encoders too."""

from fnmatch import fnmatchcase

import pytest
import torch
from timm.models import group_parameters
from timm.optim import create_optimizer_v2
from torch import nn

import segzoo
from segzoo_mit.encoder import MixTransformer
from segzoo_swin.encoder import SwinTransformer
from segzoo_timm.source import TimmSource
from segzoo_torchvision.encoder import TorchvisionMobileNetV3
from segzoo_transformers.beit_encoder import BeitPyramid


def timm_encoder(name):
    return TimmSource().create(name, segzoo.EncoderRequest())


ENCODERS = {
    "mit": lambda: MixTransformer((16, 32, 40, 64), (2, 1, 2, 1), drop_path_rate=0.0),
    "swin": lambda: SwinTransformer(8, (1, 2, 2, 1), (1, 2, 4, 8), window=4, drop_path_rate=0.0),
    "beit": lambda: BeitPyramid(32, 2, 64, taps=(1, 2, 3, 4), grid=(4, 4), drop_path_rate=0.0),
    "mobilenet": TorchvisionMobileNetV3,
    "timm_resnet": lambda: timm_encoder("resnet18"),
    "timm_vit": lambda: timm_encoder("test_vit"),
}
each_encoder = pytest.mark.parametrize("create", ENCODERS.values(), ids=ENCODERS)


def step(encoder):
    """Outputs, gradients, and how many numbers were kept from the forward to the backward pass."""
    torch.manual_seed(0)
    kept = {}

    def keep(tensor):
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        maps = encoder(torch.rand(2, 3, 64, 64, requires_grad=True))
    sum(each.square().mean() for each in maps[1:] if each.numel()).backward()
    gradients = {name: each.grad for name, each in encoder.named_parameters() if each.grad is not None}
    encoder.zero_grad()
    return maps, gradients, sum(kept.values())


@each_encoder
def test_checkpointing_keeps_less_and_learns_the_same(create):
    encoder = create().train()
    maps, gradients, kept = step(encoder)
    encoder.set_grad_checkpointing()
    maps_again, gradients_again, kept_now = step(encoder)
    assert kept_now < 0.7 * kept
    torch.testing.assert_close(maps_again, maps)
    torch.testing.assert_close(gradients_again, gradients)


@each_encoder
def test_checkpointing_can_be_switched_off(create):
    encoder = create().train()
    kept = step(encoder)[2]
    encoder.set_grad_checkpointing()
    encoder.set_grad_checkpointing(False)
    assert step(encoder)[2] == kept


@pytest.mark.parametrize(
    "create",
    [
        segzoo.testing.SyntheticEncoder,
        pytest.param(lambda: timm_encoder("hrnet_w18_small"), id="hrnet_w18_small", marks=pytest.mark.slow),
    ],
)
def test_an_encoder_without_checkpointing_says_so(create):
    encoder = create()
    with pytest.raises(segzoo.OptionError, match="no gradient checkpointing"):
        encoder.set_grad_checkpointing()
    encoder.set_grad_checkpointing(False)


@pytest.mark.parametrize(
    ("encoder", "excepted"),
    [
        ("mit", set()),
        ("swin", {"stages.0.blocks.0.attn.relative_position_bias_table"}),
        ("beit", {"cls_token", "position_biases.0.table"}),
        ("timm_vit", {"body.cls_token", "body.pos_embed"}),
    ],
)
def test_position_embeddings_are_not_decayed(encoder, excepted):
    encoder = ENCODERS[encoder]()
    patterns = encoder.no_weight_decay()
    matched = {
        name for name, _ in encoder.named_parameters() if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    assert excepted <= matched
    assert bool(excepted) == bool(matched)


@each_encoder
def test_layers_are_grouped_from_the_image_on(create):
    encoder = create()
    layers = group_parameters(encoder, encoder.group_matcher(), reverse=True)
    names = list(dict(encoder.named_parameters()))
    first, last = min(layers.values()), max(layers.values())
    assert layers.keys() == set(names)
    assert last >= 4
    assert layers[names[-1]] == last
    assert any(layers[name] == first for name in names[:3])


@pytest.mark.parametrize(("coarse", "layers"), [(False, 1 + 6), (True, 1 + 4)])
@pytest.mark.parametrize("encoder", ["mit", "swin"])
def test_a_layer_is_a_block_or_coarsely_a_stage(encoder, coarse, layers):
    encoder = ENCODERS[encoder]()
    assert len(group_parameters(encoder, encoder.group_matcher(coarse=coarse))) == layers


def test_an_encoder_is_one_layer_unless_it_says_more():
    encoder = segzoo.testing.SyntheticEncoder()
    assert len(group_parameters(encoder, encoder.group_matcher())) == 1


class Whole(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(3, 3)

    def group_matcher(self, coarse=False):
        return segzoo.prefix_matcher(self.encoder.group_matcher(coarse=coarse), "encoder.")


@pytest.mark.parametrize(
    "create",
    [
        *ENCODERS.values(),
        pytest.param(lambda: timm_encoder("inception_v3"), marks=pytest.mark.slow),
        lambda: timm_encoder("cait_xxs24_224"),
    ],
    ids=[*ENCODERS, "a_function", "another_function"],
)
def test_within_a_model_the_layers_are_the_same(create):
    model = Whole(create())
    own = group_parameters(model.encoder, model.encoder.group_matcher(), reverse=True)
    within = group_parameters(model, model.group_matcher(), reverse=True)
    assert own.items() <= {name.removeprefix("encoder."): layer for name, layer in within.items()}.items()
    assert within["head.weight"] >= max(own.values())


def test_timm_s_optimiser_decays_learning_rates_by_layer():
    optimiser = create_optimizer_v2(Whole(ENCODERS["mit"]()), "adamw", lr=1.0, layer_decay=0.5)
    assert {group["lr_scale"] for group in optimiser.param_groups} == {0.5**layer for layer in range(8)}
