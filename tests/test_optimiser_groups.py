"""timm's optimiser factory on a whole model: what the encoder says of its layers counts."""

import pytest
import torch
from synthetic import synthetic
from timm.optim import create_optimizer_v2
from torch import nn

import segzoo


def groups_of(model, **options):
    """The optimiser's group of each parameter."""
    optimiser = create_optimizer_v2(model, "adamw", lr=1.0, weight_decay=0.05, **options)
    group_of = {id(weight): group for group in optimiser.param_groups for weight in group["params"]}
    return {name: group_of[id(weight)] for name, weight in model.named_parameters()}


def model_of(encoder, **options):
    with torch.device("meta"):
        return segzoo.create_model(encoder, "fpn", classes=4, **options)


@pytest.mark.parametrize("options", [{}, {"layer_decay": 0.75}])
def test_position_embeddings_are_not_decayed(options):
    groups = groups_of(model_of("test_vit"), **options)
    assert groups["encoder.body.pos_embed"]["weight_decay"] == 0
    assert groups["encoder.body.blocks.0.attn.qkv.weight"]["weight_decay"] == 0.05
    assert groups["decoder.laterals.0.weight"]["weight_decay"] == 0.05


@pytest.mark.parametrize("encoder", ["test_vit", "mit_b0", "resnet18"])
def test_learning_rates_decay_from_the_head_to_the_image(encoder):
    model = model_of(encoder, auxiliary=[4])
    scales = {name: group["lr_scale"] for name, group in groups_of(model, layer_decay=0.75).items()}
    of_encoder = [scale for name, scale in scales.items() if name.startswith("encoder.")]
    assert {scale for name, scale in scales.items() if not name.startswith("encoder.")} == {1.0}
    assert of_encoder == sorted(of_encoder)
    assert of_encoder[0] < 0.75**4


def test_an_encoder_that_says_nothing_of_its_layers_is_one():
    scales = {name: group["lr_scale"] for name, group in groups_of(model_of(synthetic()), layer_decay=0.75).items()}
    assert {scales[name] for name in scales if name.startswith("encoder.")} == {1.0}


class Plain(nn.Module):
    """An encoder that keeps the contract without segzoo's base."""

    def __init__(self):
        super().__init__()
        self.spec = segzoo.FeatureSpec((3, 8), (1, 4))
        self.conv = nn.Conv2d(3, 8, 4, stride=4)

    def forward(self, image):
        return [image, self.conv(image)]


def test_so_is_a_module_that_is_no_segzoo_encoder():
    model = segzoo.create_model(Plain(), "linear", classes=4)
    assert {group["lr_scale"] for group in groups_of(model, layer_decay=0.75).values()} == {1.0}
    assert groups_of(model)["encoder.conv.weight"]["weight_decay"] == 0.05
