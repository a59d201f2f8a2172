"""`segzoo.compat.smp` against SMP: the same arguments, the same output for the same weights."""

import inspect

import pytest
import segmentation_models_pytorch as peer_library
import torch
from foreign import difference, disturb

import segzoo
import segzoo.compat.smp as smp

ARCHITECTURES = [
    *("Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "DeepLabV3", "DeepLabV3Plus", "PAN", "UPerNet"),
    *("Segformer", "DPT"),
]
SMALL = {"encoder_name": "tu-test_resnet", "encoder_weights": None, "classes": 3}
NARROW_DPT = {
    "encoder_name": "tu-test_vit",
    "img_size": 64,
    "decoder_intermediate_channels": (16, 24, 32, 40),
    "decoder_fusion_channels": 32,
}
CLASSIFIED = {"classes": 4, "pooling": "max", "dropout": 0.3, "activation": "sigmoid"}


def pair(architecture, **arguments):
    """SMP's model and ours, with its weights, in eval mode."""
    arguments = {**SMALL, **(NARROW_DPT if architecture == "DPT" else {}), **arguments}
    torch.manual_seed(0)
    peer = disturb(getattr(peer_library, architecture)(**arguments))
    model = getattr(smp, architecture)(**arguments)
    model.load_state_dict(peer.state_dict())
    return peer.eval(), model.eval()


def parameters(constructor):
    return [(name, each.default) for name, each in inspect.signature(constructor).parameters.items()]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_arguments_are_smp_s_in_order_and_default(architecture):
    assert parameters(getattr(smp, architecture)) == parameters(getattr(peer_library, architecture))


def test_all_that_smp_has_is_there():
    assert list(smp.MODEL_ARCHITECTURES_MAPPING) == list(peer_library.MODEL_ARCHITECTURES_MAPPING)


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(name, marks=[] if name == "Unet" else [pytest.mark.slow]) for name in ARCHITECTURES],
)
def test_mask_and_label_are_smp_s(architecture):
    peer, model = pair(architecture, aux_params=CLASSIFIED, activation="softmax2d")
    image = torch.rand(2, 3, 128 if architecture == "PAN" else 64, 128 if architecture == "PAN" else 64)
    for got, expected in zip(model.predict(image), peer.predict(image), strict=True):
        assert difference(got, expected) < 1e-4


@pytest.mark.filterwarnings("ignore:Implicit dimension")  # SMP lets torch guess it
@pytest.mark.parametrize(
    "activation",
    [None, "identity", "sigmoid", "softmax", "softmax2d", "logsoftmax", "tanh", "argmax2d", "clamp", torch.nn.ReLU],
)
def test_an_activation_is_smp_s(activation):
    values = torch.randn(2, 3, 4, 5)
    expected = peer_library.base.modules.Activation(activation)(values)
    assert torch.equal(smp.heads.Activation(activation)(values), expected)


@pytest.fixture(scope="module")
def model():
    return smp.Unet(**SMALL).eval()


def test_an_image_has_any_size(model):
    assert model(torch.rand(1, 3, 67, 71)).shape == (1, 3, 67, 71)


def test_a_mask_with_a_label_has_any_size_too():
    model = smp.DPT(**{**SMALL, **NARROW_DPT}, aux_params={"classes": 4}).eval()
    assert [tuple(each.shape) for each in model(torch.rand(1, 3, 67, 71))] == [(1, 3, 67, 71), (1, 4)]


def test_the_parts_are_segzoo_s(model):
    parts = (model.segmenter.encoder, model.segmenter.decoder, model.segmenter.head)
    assert (model.encoder, model.decoder, model.segmentation_head) == parts


def test_a_part_that_would_not_be_used_is_refused(model):
    with pytest.raises(AttributeError, match=r"model\.segmenter's part instead of model\.decoder"):
        model.decoder = torch.nn.Identity()


def test_predict_leaves_the_model_in_eval_mode_and_keeps_no_gradient():
    model = smp.Unet(**SMALL).train()
    assert model.predict(torch.rand(1, 3, 64, 64)).is_inference()
    assert not model.training


def test_a_frozen_encoder_stays_so_in_training():
    model = smp.Unet(**SMALL)
    model.freeze_encoder()
    model.train()
    assert not model.encoder.training
    assert not any(weight.requires_grad for weight in model.encoder.parameters())
    model.unfreeze_encoder()
    assert model.encoder.training


def test_an_architecture_s_name_is_taken_in_any_case():
    assert type(smp.create_model("LINKNET", **SMALL)) is smp.Linknet


def test_a_name_of_former_versions_is_taken_with_a_warning():
    with pytest.warns(DeprecationWarning, match="decoder_use_batchnorm is called decoder_use_norm"):
        model = smp.Linknet(**SMALL, decoder_use_batchnorm=True)
    assert model.config["decoder_use_batchnorm"]


def test_torch_traces_it(model):
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert difference(torch.jit.trace(model, image)(image), model(image)) < 1e-6


@pytest.mark.slow
def test_torch_exports_it(model):
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert difference(torch.export.export(model, (image,)).module()(image), model(image)) < 1e-6


def test_torch_script_is_refused_with_what_serves_instead(model):
    with pytest.raises(segzoo.ExportError, match=r"can't be scripted\. torch\.export\.export"):
        torch.jit.script(model)


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"decoder_use_norm": "layernorm"}, segzoo.CheckpointError, "decoder_use_norm='layernorm' can't"),
        ({"clases": 3}, segzoo.CheckpointError, "unexpected keyword argument 'clases'"),
        ({"encoder_name": "vgg11", "clases": 3}, segzoo.CheckpointError, "arguments 'clases' are none of SMP's"),
        ({"activation": "argmax"}, segzoo.OptionError, "activation='argmax' isn't there: take None, 'identity'"),
        ({"aux_params": {"pooling": "avg"}}, segzoo.OptionError, "aux_params are classes, pooling"),
        ({"aux_params": {"classes": 0}}, segzoo.OptionError, "1 class or more, got classes=0"),
        ({"aux_params": {"classes": 2, "pooling": "min"}}, segzoo.OptionError, "pooling 'avg' or 'max', got 'min'"),
        ({"aux_params": {"classes": 2, "dropout": 1.5}}, segzoo.OptionError, "dropout from 0 to below 1, got 1.5"),
    ],
    ids=str,
)
def test_an_argument_that_cannot_be_is_refused(arguments, error, told):
    with pytest.raises(error, match=told):
        smp.Unet(**{**SMALL, **arguments})


def test_logits_of_another_size_are_refused():
    with pytest.raises(segzoo.OptionError, match=r"upsampling=1 is left out.*leave the argument out"):
        smp.FPN(**SMALL, upsampling=1)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(segzoo.UnknownNameError, match="no architecture 'unet3': take one of Unet, "):
        smp.create_model("unet3")


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="has no 'Unett'; it has Unet, "):
        smp.Unett  # noqa: B018
