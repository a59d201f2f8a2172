"""Weights in `segzoo.compat.smp`: saved and loaded, of SMP's folders, and those that encoders begin from."""

import json

import pytest
import segmentation_models_pytorch as peer_library
import torch
from foreign import difference, disturb
from safetensors.torch import save_file

import segzoo
import segzoo.compat.smp as smp
from segzoo.publishing import hub
from segzoo_smp.constructors import published

SMALL = {"encoder_name": "tu-test_resnet", "encoder_weights": None, "classes": 3}
CLASSIFIED = SMALL | {"aux_params": {"classes": 4}, "activation": "sigmoid"}
IMAGE = torch.rand(1, 3, 64, 64)


def outputs(model):
    given = model.predict(IMAGE)
    return given if isinstance(given, tuple) else (given,)


def assert_alike(one, other, tolerance=1e-6):
    for got, expected in zip(outputs(one), outputs(other), strict=True):
        assert difference(got, expected) < tolerance


@pytest.mark.parametrize("arguments", [SMALL, CLASSIFIED], ids=["mask", "mask and label"])
def test_a_saved_model_comes_back(arguments, tmp_path):
    model = disturb(smp.Linknet(**arguments))
    model.save_pretrained(tmp_path, dataset="roads", metrics={"mIoU": 0.5})
    restored = smp.from_pretrained(tmp_path)
    assert type(restored) is smp.Linknet
    assert restored.config == model.config
    assert_alike(restored, model)
    assert "roads" in (tmp_path / "README.md").read_text()


def test_a_saved_model_is_one_of_segzoo_s(tmp_path):
    model = disturb(smp.Linknet(**SMALL)).eval()
    model.segmenter.labels = {"logits": segzoo.Labels(names=("road", "roof", "other"))}
    model.segmenter.preprocessing = segzoo.Preprocessing((0.1,) * 3, (0.2,) * 3)
    model.save_pretrained(tmp_path)
    with torch.no_grad():
        assert difference(segzoo.from_pretrained(tmp_path)(IMAGE), model(IMAGE)) < 1e-6
    restored = smp.from_pretrained(tmp_path).segmenter
    assert (restored.labels, restored.preprocessing) == (model.segmenter.labels, model.segmenter.preprocessing)


def test_what_smp_saved_is_loaded(tmp_path):
    peer = disturb(peer_library.Linknet(**CLASSIFIED))
    peer.save_pretrained(tmp_path)
    assert_alike(smp.from_pretrained(tmp_path), peer, 1e-4)


def test_other_classes_begin_anew_where_that_is_allowed(tmp_path):
    smp.Linknet(**SMALL).save_pretrained(tmp_path)
    with pytest.raises(segzoo.CheckpointError, match="strict=False begins anew where shapes differ"):
        smp.from_pretrained(tmp_path, classes=5)
    with pytest.warns(segzoo.CheckpointWarning, match=r"segmenter\.head\.classifiers\.logits\.conv\.weight"):
        model = smp.from_pretrained(tmp_path, classes=5, strict=False)
    assert model(IMAGE).shape[1] == 5


def test_another_architecture_s_folder_is_refused(tmp_path):
    smp.Linknet(**SMALL).save_pretrained(tmp_path)
    with pytest.raises(segzoo.CheckpointError, match="no model of SMP's FPN, but Linknet"):
        smp.FPN.from_pretrained(tmp_path)


@pytest.mark.parametrize("content", ["{}", '{"_model_class": ["Unet"]}', '{"_model_class": "Unet3"}'])
def test_a_folder_of_something_else_is_refused(content, tmp_path):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(segzoo.CheckpointError, match="holds no model of SMP's"):
        smp.from_pretrained(tmp_path)


def test_an_activation_that_has_no_name_cannot_be_saved(tmp_path):
    with pytest.raises(segzoo.CheckpointError, match="give an activation by its name"):
        smp.Linknet(**SMALL, activation=torch.nn.ReLU).save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_whole_model_is_pickled(tmp_path):
    model = disturb(smp.Linknet(**CLASSIFIED))
    torch.save(model, tmp_path / "best.pth")
    assert_alike(torch.load(tmp_path / "best.pth", weights_only=False), model)


def test_a_push_uploads_what_smp_s_interface_needs(monkeypatch):
    uploaded = {}

    def upload(folder, repo_id, **options):
        uploaded.update(repo_id=repo_id, there=[name for name in options["others"] if (folder / name).is_file()])
        return "the page"

    monkeypatch.setattr(hub, "upload", upload)
    assert smp.Linknet(**CLASSIFIED).push_to_hub("me/roads", private=True) == "the page"
    assert uploaded == {"repo_id": "me/roads", "there": ["smp.json", "model-classification.safetensors"]}


@pytest.fixture
def hub_of_smp_s(tmp_path, monkeypatch):
    """What would be downloaded of SMP's hub, by its id: random weights in its place."""
    asked = []

    def download(repo_id, revision=None):
        asked.append(repo_id)
        name, weights = repo_id.removeprefix("smp-hub/").split(".")
        torch.manual_seed(1)
        encoder = disturb(peer_library.encoders.get_encoder(name, weights=None))
        folder = tmp_path / repo_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"weights": weights}))
        save_file(encoder.state_dict(), folder / "model.safetensors")
        return folder

    monkeypatch.setattr(hub, "download", download)
    return asked


def with_published_weights(encoder, channels, folder):
    """SMP's encoder, as it begins from the same file."""
    peer = peer_library.encoders.get_encoder(encoder, weights=None)
    peer.load_state_dict(segzoo.read_weights(folder / f"smp-hub/{encoder}.imagenet/model.safetensors"))
    peer.set_in_channels(channels, pretrained=True)
    return peer.eval()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "encoder",
    ["resnet18", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mobilenet_v2", "mit_b0", "vgg11"))],
)
def test_an_encoder_begins_from_the_weights_that_smp_publishes(encoder, channels, hub_of_smp_s, tmp_path):
    if encoder == "mit_b0" and channels != 3:
        pytest.skip("SMP's takes three channels with published weights")
    model = smp.FPN(encoder, in_channels=channels).eval()
    assert hub_of_smp_s == [f"smp-hub/{encoder}.imagenet"]
    image = torch.rand(1, channels, 64, 64)
    with torch.no_grad():
        maps = with_published_weights(encoder, channels, tmp_path)(image)
        got = model.encoder(image)
    assert difference(got[-1], maps[-1]) < 1e-4


def test_published_weights_are_where_smp_has_them():
    for encoder, known in peer_library.encoders.encoders.items():
        for weights, where in known["pretrained_settings"].items():
            assert published(encoder, weights) == where["repo_id"]


def test_weights_that_cannot_be_had_are_an_error_that_says_so(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(segzoo.CheckpointError, match="encoder_weights=None begins from random ones"):
        smp.Unet("resnet18")


def test_timm_s_encoders_ask_timm_for_its_own():
    construction = smp.translating.construct("Unet", {"encoder_name": "tu-resnet18", "encoder_weights": "imagenet"})
    assert construction.arguments["pretrained"]
    assert construction.encoder_weights is None
