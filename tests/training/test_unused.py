"""Parameters that the logits don't depend on ask for no gradient."""

import pytest
import torch
from synthetic import synthetic

import segzoo
from segzoo.training.unused import freeze_unused


def without_gradient(model, **options):
    """Those that ask for one and get none."""
    outputs = model.train()(torch.rand(2, 3, 64, 64), auxiliary=True)
    (outputs[0].sum() + sum(each.sum() for each in outputs[1].values())).backward()
    return [name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None]


@pytest.mark.slow
def test_an_encoder_s_branches_that_the_decoder_does_not_take_are_frozen():
    model = segzoo.create_model("hrnet_w18_small", "pspnet", classes=2)
    frozen = freeze_unused(model)
    assert "encoder.body.stage4.0.fuse_layers.0.1.0.weight" in frozen
    assert not without_gradient(model)


def test_it_says_which_they_are():
    model = segzoo.create_model(synthetic(), "fpn", classes=2)  # takes what is of stride 4 or more
    assert freeze_unused(model) == ["encoder.maps.1.weight", "encoder.maps.1.bias"]
    assert not without_gradient(model)


def test_what_an_auxiliary_head_takes_is_used():
    assert freeze_unused(segzoo.create_model(synthetic(), "fpn", classes=2, auxiliary=[1])) == []


def test_the_heads_of_a_decoder_s_coarser_scales_are_used():
    options = {"deep_supervision": True}
    assert freeze_unused(segzoo.create_model(synthetic(), "nnunet", classes=2, decoder_options=options)) == []


@pytest.mark.parametrize("options", [{"classes": 2}, {"heads": {"mask": 2, "edge": 1}}])
def test_where_all_take_part_none_is_frozen(options):
    model = segzoo.create_model(synthetic("mit"), "fpn", **options)
    assert freeze_unused(model) == []
    assert all(weight.requires_grad for weight in model.parameters())


def test_of_a_frozen_encoder_nothing_is_said():
    model = segzoo.create_model(synthetic(), "fpn", classes=2)
    model.freeze_encoder()
    assert freeze_unused(model) == []
    assert not any(weight.requires_grad for weight in model.encoder.parameters())


def test_weights_gradients_and_mode_stay_as_they_were():
    model = segzoo.create_model(synthetic(), "fpn", classes=2).train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    freeze_unused(model)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert model.training


def test_a_model_of_one_size_alone_is_asked_at_that_size():
    model = segzoo.create_model("test_vit", "linear", classes=2, strict_size=True)
    assert freeze_unused(model) == []
