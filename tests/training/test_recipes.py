"""Defaults by kind of encoder."""

import pytest
from synthetic import synthetic

import segzoo
from segzoo.training.recipes import recipe_for


def recipe(pattern, **options):
    return recipe_for(segzoo.plan(synthetic(pattern), "fpn"), **{"pretrained": True, **options})


def test_a_pretrained_encoder_learns_at_a_fraction():
    assert recipe("resnet").encoder_rate == 0.1


@pytest.mark.parametrize("pattern", ["plain_vit", "patch_14"])
def test_a_transformer_of_one_resolution_decays_from_layer_to_layer(pattern):
    assert recipe(pattern).layer_decay is not None


@pytest.mark.parametrize("pattern", ["resnet", "mit", "levit", "dilated"])
def test_a_pyramid_does_not(pattern):
    assert recipe(pattern).layer_decay is None


@pytest.mark.parametrize("pattern", ["resnet", "plain_vit"])
def test_random_weights_learn_at_the_decoder_s_rate(pattern):
    random = recipe(pattern, pretrained=False)
    assert (random.encoder_rate, random.layer_decay) == (1.0, None)


def test_a_frozen_encoder_has_no_rate_of_its_own_whatever_its_kind():
    assert recipe("plain_vit", frozen=True) == recipe("resnet", frozen=True)
    assert recipe("resnet", frozen=True).layer_decay is None


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("pretrained", [True, False])
@pytest.mark.parametrize("pattern", ["resnet", "plain_vit"])
def test_a_recipe_makes_groups_and_says_why(pattern, pretrained, frozen):
    chosen = recipe(pattern, pretrained=pretrained, frozen=frozen)
    model = segzoo.create_model(synthetic(pattern), "fpn", classes=2)
    groups = model.parameter_groups(
        chosen.learning_rate,
        encoder_rate=chosen.encoder_rate,
        weight_decay=chosen.weight_decay,
        layer_decay=chosen.layer_decay,
    )
    assert max(group["lr"] for group in groups) == chosen.learning_rate
    assert chosen.why in str(chosen)
