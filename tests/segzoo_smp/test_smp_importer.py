"""Recognising what SMP saved, bare state dicts, notes, preprocessing, and bad input."""

import json
from functools import partial

import pytest
import segmentation_models_pytorch as smp
import torch
from foreign import difference, disturb
from safetensors.torch import load_file, save_file
from smp_parity import create_peer

import segzoo
from segzoo_smp.importer import SMPImporter
from segzoo_smp.translation import translate

LINKNET = {"architecture": "linknet", "encoder_name": "resnet18", "classes": 3}
UNET = {"architecture": "Unet", "encoder_name": "resnet18"}
slow = partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def peer():
    return disturb(create_peer("linknet", encoder_name="resnet18"))


@pytest.fixture
def folder(peer, tmp_path):
    peer.save_pretrained(tmp_path)
    return tmp_path


def edit(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_folder_that_smp_saved_is_recognised_by_its_config(folder):
    assert SMPImporter().recognises(segzoo.Checkpoint(folder))


@pytest.mark.parametrize(
    ("arguments", "recognised"),
    [
        (LINKNET, True),
        ({"arch": "unet"}, True),
        ({"architecture": "Unet3", "encoder_name": "resnet18"}, True),
        ({"architecture": "fcn_resnet50"}, False),
        ({"encoder_name": "resnet18"}, False),
        ({}, False),
    ],
)
def test_a_file_is_recognised_by_the_arguments(arguments, recognised, tmp_path):
    assert SMPImporter().recognises(segzoo.Checkpoint(tmp_path / "weights.pth", arguments)) is recognised


@pytest.mark.parametrize(
    "config", [{"model_type": "segformer"}, {"architecture": "resnet50"}, {"_model_class": ["Unet"]}]
)
def test_another_library_s_folder_is_not_recognised(config, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert not SMPImporter().recognises(segzoo.Checkpoint(tmp_path))


def test_segzoo_finds_the_importer_and_sets_the_preprocessing(folder, peer):
    model = segzoo.from_pretrained(folder)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert difference(model(image), peer(image)) < 1e-4
    assert (model.plan.encoder.id, model.plan.decoder.id) == ("segzoo:timm/resnet18", "segzoo:linknet")
    assert model.preprocessing == segzoo.Preprocessing()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("prefix", ["", "model.", "module."])
def test_a_bare_state_dict_is_imported_with_its_arguments(name, prefix, peer, tmp_path):
    weights = {prefix + key: weight for key, weight in peer.state_dict().items()}
    torch.save(weights, tmp_path / name) if name.endswith("pth") else save_file(weights, tmp_path / name)
    model = segzoo.from_pretrained(tmp_path / name, arguments=LINKNET)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert difference(model(image), peer(image)) < 1e-4


@pytest.mark.parametrize("encoder", ["timm-regnetx_002", "timm-gernet_s"])
def test_names_of_former_versions_are_known(encoder):
    with torch.device("meta"):
        weights = create_peer("linknet", encoder_name=encoder).state_dict()
    former = {
        name.replace("encoder.model.", "encoder.").replace(".stages_", ".stages."): each
        for name, each in weights.items()
    }
    translation = translate({**LINKNET, "encoder_name": encoder})
    assert former.keys() != weights.keys()
    assert translation.rename(former).keys() == translation.rename(weights).keys() == translation.shapes.keys()


def test_an_activation_and_a_classification_head_are_left_out_with_a_warning(tmp_path):
    peer = disturb(create_peer("linknet", encoder_name="resnet18", activation="sigmoid", aux_params={"classes": 4}))
    peer.save_pretrained(tmp_path)
    with pytest.warns(segzoo.CheckpointWarning) as warned:
        model = segzoo.from_pretrained(tmp_path)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        masks, _ = peer(image)
        assert difference(model(image).sigmoid(), masks) < 1e-4
    notes = " ".join(model.plan.notes)
    assert notes == " ".join(str(each.message).partition(": ")[2] for each in warned)
    assert "activation 'sigmoid' is left out" in notes
    assert "classification head (aux_params) is left out" in notes


def test_a_training_program_s_statistics_and_averaged_weights_are_known(peer, tmp_path):
    weights = {f"model.{key}": weight for key, weight in peer.state_dict().items()}
    torch.save({"state_dict_ema": weights | {"mean": torch.zeros(3), "std": torch.ones(3)}}, tmp_path / "last.ckpt")
    model = segzoo.from_pretrained(tmp_path / "last.ckpt", arguments=LINKNET)
    assert torch.equal(model.encoder.state_dict()["body.conv1.weight"], peer.state_dict()["encoder.conv1.weight"])


def test_a_prefix_that_the_user_names(peer, tmp_path):
    weights = {f"net.{key}": weight for key, weight in peer.state_dict().items()} | {"loss.weight": torch.ones(1)}
    torch.save(weights, tmp_path / "weights.pth")
    with pytest.raises(segzoo.CheckpointError, match=r"the weights hold net\.encoder"):
        segzoo.from_pretrained(tmp_path / "weights.pth", arguments=LINKNET)
    segzoo.from_pretrained(tmp_path / "weights.pth", arguments=LINKNET | {"prefix": "net."})


def test_pspnet_of_another_depth_has_logits_of_another_size_and_says_so_loudly(tmp_path):
    peer = create_peer("PSPNet", encoder_name="resnet18", encoder_depth=4, psp_out_channels=32)
    peer.save_pretrained(tmp_path)
    with pytest.warns(segzoo.CheckpointWarning, match=r"upsampling=8 is left out: .* SMP's were 0\.5 as high and wide"):
        segzoo.from_pretrained(tmp_path)


def test_logits_that_smp_leaves_small_have_the_image_s_size_with_a_note():
    translation = translate({"architecture": "FPN", "encoder_name": "resnet18", "upsampling": 1})
    assert (
        "upsampling=1 is left out: the logits have the image's size, and SMP's were 0.25 as high and wide"
        in translation.losses
    )


@pytest.mark.parametrize(
    ("stated", "mean", "std"),
    [
        ({}, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ({"in_channels": 1}, (0.449,), (0.226,)),
        ({"mean": [0.1, 0.2, 0.3], "std": [1, 0.5, 0.2]}, (0.1, 0.2, 0.3), (1, 0.5, 0.2)),
        ({"mean": [51, 102, 0], "std": [255, 51, 51], "input_range": [0, 255]}, (0.2, 0.4, 0), (1, 0.2, 0.2)),
        ({"encoder_name": "timm-efficientnet-b0", "encoder_weights": "advprop"}, (0.5,) * 3, (0.5,) * 3),
        ({"encoder_name": "timm-tf_efficientnet_lite0"}, (0.5,) * 3, (0.5,) * 3),
        ({"encoder_name": "xception"}, (0.5,) * 3, (0.5,) * 3),
        ({"encoder_name": "dpn68"}, (124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3),
    ],
)
def test_the_preprocessing_is_as_stated_or_the_encoder_s_own(stated, mean, std):
    preprocessing = translate(UNET | stated).preprocessing
    assert preprocessing.mean == pytest.approx(mean)
    assert preprocessing.std == pytest.approx(std)


def test_timm_s_encoder_keeps_timm_s_preprocessing():
    assert translate(UNET | {"encoder_name": "tu-resnet18"}).preprocessing is None


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"architecture": "Unet3"}, "architecture 'Unet3' can't be imported; segzoo knows Unet, "),
        ({"architecture": None}, "architecture None can't be imported"),
        ({"encoder_name": "tu-resnet19"}, "timm .* has no architecture 'resnet19'"),
        ({"encoder_name": "tu-hf-hub:timm/resnet18"}, "has no architecture 'hf-hub:timm/resnet18'"),
        ({"encoder_name": "tu-local-dir:/tmp"}, "has no architecture"),
        ({"encoder_name": "tu-resnet18", "pretrained": True}, "no encoder option"),
        ({"encoder_name": "tu-resnet18", "checkpoint_path": "/tmp/x"}, "no encoder option"),
        ({"encoder_name": "tu-resnet18", "nonsense": 1}, "nonsense"),
        ({"encoder_name": 18}, "has encoder_name='resnet34' by default, got 18"),
        ({"encoder_depth": 10**9}, "encoder_depth=1000000000 can't be imported: .* 1 to 5 maps"),
        ({"encoder_depth": "5"}, "has encoder_depth=5 by default, got '5'"),
        ({"classes": 0}, "1 class or more"),
        ({"classes": True}, "got True"),
        ({"clases": 3}, "arguments 'clases' are none of SMP's"),
        ({"decoder_channels": 5}, "decoder_channels=.* by default, got 5"),
        ({"decoder_channels": [1, "2"]}, "by default, got"),
        ({"decoder_channels": [64, 32]}, "a width for each of 5 steps"),
        ({"decoder_use_norm": "instancenorm"}, "decoder_use_norm='instancenorm' can't be imported"),
        ({"decoder_use_norm": {"type": "batchnorm", "eps": 0.1}}, "decoder_use_norm=.* can't be imported"),
        ({"decoder_interpolation": "area"}, "decoder_interpolation='area' can't be imported"),
        ({"decoder_attention_type": "cbam"}, "decoder_attention_type='cbam' can't be imported"),
        ({"decoder_attention_type": "scse", "decoder_channels": [64, 32, 16, 8, 8]}, "SMP squeezes none"),
        ({"architecture": "UnetPlusPlus", "encoder_name": "tu-test_convnext"}, "at stride 2 the encoder has no map"),
        slow(
            {"encoder_name": "tu-crossvit_tiny_240"},
            r"strides \(1, 2, 4, 8, 16, 32\), and segzoo's encoder has \(1, 12, ",
        ),
        ({"architecture": "FPN", "encoder_depth": 4}, "encoder_depth=4 can't be imported"),
        ({"architecture": "Linknet", "decoder_use_norm": False}, "decoder_use_norm=False can't be imported"),
        ({"architecture": "PSPNet", "decoder_use_norm": "identity"}, "'identity' can't be imported"),
        ({"architecture": "DeepLabV3", "encoder_output_stride": 4}, "encoder_output_stride=4 can't be imported"),
        ({"architecture": "DPT"}, "SMP's DPT takes encoders named tu-"),
        ({"architecture": "DPT", "encoder_name": "tu-test_vit", "decoder_readout": "add"}, "'add' can't be imported"),
        ({"architecture": "DPT", "encoder_name": "tu-test_vit3"}, "no class token"),
        ({"architecture": "DPT", "encoder_name": "tu-test_vit", "encoder_output_indices": [0, 1, 2, 3]}, "indices="),
        ({"architecture": "DPT", "encoder_name": "tu-resnet18", "decoder_readout": "ignore"}, "evenly out of all"),
        slow({"architecture": "DPT", "encoder_name": "tu-vit_small_patch14_dinov2"}, "patches of 14 pixels"),
        ({"input_space": "BGR"}, "input_space='BGR' can't be imported"),
        ({"mean": "imagenet", "std": [1]}, "mean='imagenet'"),
    ],
    ids=str,
)
def test_what_cannot_be_imported_says_which_part_and_why(stated, told):
    with pytest.raises(segzoo.CheckpointError, match=told):
        translate(UNET | stated)


def test_what_cannot_be_imported_is_refused_before_the_weights_are_read(tmp_path):
    with pytest.raises(segzoo.CheckpointError, match="architecture 'Unet3'"):
        segzoo.from_pretrained(tmp_path, importer="smp", arguments={"architecture": "Unet3"})


def change_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda weights: weights.pop("encoder.layer1.0.conv1.weight"), "encoder.body.layer1.0.conv1.weight"),
        (lambda weights: weights.pop("segmentation_head.0.bias"), "head.classifiers.logits.conv.bias"),
        (lambda weights: weights.update({"decoder.more": torch.zeros(1)}), "decoder.more"),
        (lambda weights: weights.update({"encoder.layer9.weight": torch.zeros(1)}), "layer9.weight"),
        (
            lambda weights: weights.update({"segmentation_head.0.bias": torch.zeros(4)}),
            "head.classifiers.logits.conv.bias",
        ),
    ],
    ids=[
        "missing in the encoder",
        "missing in the head",
        "more in the decoder",
        "more in the encoder",
        "another shape",
    ],
)
def test_weights_that_do_not_fit_are_named(folder, change, told):
    change_weights(folder, change)
    with pytest.raises(segzoo.CheckpointError, match=told):
        segzoo.from_pretrained(folder)


def test_weights_of_stages_that_are_never_run_are_left_out(tmp_path):
    peer = disturb(smp.PSPNet("resnet18", encoder_weights=None, classes=3, psp_out_channels=32))
    peer.save_pretrained(tmp_path)
    assert "encoder.layer4.0.conv1.weight" in peer.state_dict()
    assert not [name for name in segzoo.from_pretrained(tmp_path).state_dict() if "layer4" in name]


def test_a_config_without_weights_is_refused(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(segzoo.CheckpointError, match="no weights in"):
        segzoo.from_pretrained(folder)


def test_a_folder_of_other_classes_does_not_fit(folder):
    edit(folder, classes=5)
    with pytest.raises(segzoo.CheckpointError, match=r"head\.classifiers\.logits\.conv"):
        segzoo.from_pretrained(folder)


def test_the_classifier_alone_is_made_anew_for_other_classes(folder, peer):
    with pytest.warns(UserWarning, match="classifier|head"):
        model = segzoo.from_pretrained(folder, classes=5)
    assert model(torch.rand(1, 3, 64, 64)).shape == (1, 5, 64, 64)
    assert torch.equal(model.encoder.body.conv1.weight, peer.encoder.conv1.weight)
