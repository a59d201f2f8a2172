"""Parameters in groups: who learns at which rate, and what is decayed."""

import pytest
import torch
from synthetic import synthetic
from timm.optim import create_optimizer_v2
from torch import nn

import segzoo
from segzoo.errors import OptionError, TrainingError
from segzoo.nn import ConvNormAct


def model_of(encoder="resnet18", decoder="fpn", **options):
    with torch.device("meta"):
        return segzoo.create_model(encoder, decoder, classes=4, **options)


def group_of_each(model, groups):
    group_of = {id(weight): group for group in groups for weight in group["params"]}
    return {name: group_of.get(id(weight)) for name, weight in model.named_parameters()}


@pytest.mark.parametrize("encoder", ["resnet18", "test_vit", "mit_b0"])
@pytest.mark.parametrize("layer_decay", [None, 0.75])
def test_each_parameter_is_in_one_group(encoder, layer_decay):
    model = model_of(encoder, auxiliary=[4])
    grouped = [
        id(weight) for group in model.parameter_groups(1.0, layer_decay=layer_decay) for weight in group["params"]
    ]
    assert sorted(grouped) == sorted(id(weight) for weight in model.parameters())


def test_a_weight_that_two_layers_share_is_in_one_group():
    model = model_of(synthetic())
    model.head.classifiers["logits"].conv.bias = model.decoder.laterals[0].bias
    grouped = [id(weight) for group in model.parameter_groups(1.0) for weight in group["params"]]
    assert len(grouped) == len(set(grouped)) == len(list(model.parameters()))


def test_the_encoder_learns_at_its_share_of_the_rate():
    model = model_of(auxiliary=[4])
    rates = {name: group["lr"] for name, group in group_of_each(model, model.parameter_groups(2.0)).items()}
    assert {rate for name, rate in rates.items() if name.startswith("encoder.")} == {0.2}
    assert {rate for name, rate in rates.items() if not name.startswith("encoder.")} == {2.0}


@pytest.mark.parametrize("encoder", ["test_vit", "mit_b0", "resnet18"])
def test_layers_rates_and_decay_are_those_of_timm(encoder):
    model = model_of(encoder)
    ours = model.parameter_groups(1.0, encoder_rate=1.0, weight_decay=0.05, layer_decay=0.75)
    theirs = create_optimizer_v2(model, "adamw", lr=1.0, weight_decay=0.05, layer_decay=0.75).param_groups
    of_timm = group_of_each(model, theirs)
    for name, group in group_of_each(model, ours).items():
        assert group["lr"] == pytest.approx(of_timm[name]["lr_scale"])
        assert group["weight_decay"] == of_timm[name]["weight_decay"]


def test_layer_decay_comes_on_top_of_the_encoder_s_rate():
    model = model_of("test_vit")
    names = ("encoder.body.blocks.5.attn.qkv.weight", "encoder.body.blocks.4.attn.qkv.weight")
    groups = group_of_each(model, model.parameter_groups(1.0, encoder_rate=0.5, layer_decay=0.8))
    assert [groups[name]["lr"] for name in names] == pytest.approx([0.5 * 0.8, 0.5 * 0.8**2])


def test_norms_and_biases_are_not_decayed():
    model = model_of("mit_b0", "upernet")
    of_norms = {f"{name}.weight" for name, module in model.named_modules() if "Norm" in type(module).__name__}
    for name, group in group_of_each(model, model.parameter_groups(1.0, weight_decay=0.05)).items():
        assert group["weight_decay"] == (0 if name in of_norms or name.endswith("bias") else 0.05), name


class Normalised(segzoo.Encoder):
    def __init__(self):
        super().__init__(segzoo.FeatureSpec((3, 8), (1, 4)))
        self.conv = nn.Conv2d(3, 8, 4, stride=4)
        self.norm = nn.LayerNorm((8, 1))

    def forward(self, image):
        features = self.conv(image)
        return [image, features + self.norm(features.mean((2, 3))[..., None])[..., None]]


def test_neither_is_a_norm_over_several_dimensions():
    model = segzoo.create_model(Normalised(), "linear", classes=4)
    assert group_of_each(model, model.parameter_groups(1.0))["encoder.norm.weight"]["weight_decay"] == 0


@pytest.mark.parametrize(
    ("encoder", "decoder", "name"),
    [("test_vit", "fpn", "encoder.body.pos_embed"), ("test_vit", "segmenter", "decoder.class_tokens")],
)
def test_what_an_encoder_or_a_decoder_names_is_not_decayed(encoder, decoder, name):
    model = model_of(encoder, decoder)
    assert group_of_each(model, model.parameter_groups(1.0))[name]["weight_decay"] == 0


def test_patterns_are_names_too(monkeypatch):
    model = model_of()
    monkeypatch.setattr(model, "no_weight_decay", lambda: {"decoder.laterals.*"})
    groups = group_of_each(model, model.parameter_groups(1.0))
    assert groups["decoder.laterals.0.weight"]["weight_decay"] == 0
    assert groups["encoder.body.conv1.weight"]["weight_decay"] > 0


def test_frozen_parameters_are_left_out():
    model = model_of()
    model.freeze_encoder()
    groups = model.parameter_groups(1.0)
    assert {group["name"] for group in groups} == {"decoder", "decoder without decay"}


def test_without_a_parameter_to_train_there_is_an_error():
    model = model_of()
    model.requires_grad_(False)
    with pytest.raises(TrainingError, match="every parameter is frozen"):
        model.parameter_groups(1.0)


def test_groups_have_names_that_differ():
    names = [group["name"] for group in model_of("test_vit").parameter_groups(1.0, layer_decay=0.9)]
    assert len(set(names)) == len(names)
    assert {"encoder layer 0", "encoder layer 6 without decay", "decoder"} <= set(names)


@pytest.mark.parametrize(
    "wrong", [{"lr": 0}, {"encoder_rate": 0}, {"weight_decay": -1}, {"layer_decay": 0}, {"layer_decay": 1.5}]
)
def test_a_value_out_of_range_is_an_error(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        model_of().parameter_groups(**{"lr": 1.0, **wrong})


def test_a_module_that_is_no_segzoo_encoder_is_one_layer():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.spec = segzoo.FeatureSpec((3, 8), (1, 4))
            self.conv = ConvNormAct(3, 8)

        def forward(self, image):
            return [image, self.conv(image)[..., ::4, ::4]]

    model = segzoo.create_model(Plain(), "linear", classes=4)
    rates = {group["name"]: group["lr"] for group in model.parameter_groups(1.0, layer_decay=0.5)}
    assert rates["encoder layer 0"] == 0.1
