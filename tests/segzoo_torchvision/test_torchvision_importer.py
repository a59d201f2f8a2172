import pytest
import torch
from foreign import difference, disturb
from importing import import_checkpoint
from torchvision.models import segmentation

import segzoo
from segzoo_torchvision.encoder import TorchvisionMobileNetV3
from segzoo_torchvision.importer import MODELS, TorchvisionImporter

AUXILIARY = ("fcn_resnet50", "deeplabv3_resnet50")
NONE = {"weights": None, "weights_backbone": None}


def peer_of(architecture, classes=5, **options):
    return disturb(getattr(segmentation, architecture)(**NONE, num_classes=classes, **options))


def saved(peer, folder):
    torch.save(peer.state_dict(), folder / "model.pth")
    return folder / "model.pth"


@torch.no_grad()
def assert_same_logits(peer, model, image):
    assert difference(model(image), peer(image)["out"]) <= 1e-4


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(name, marks=[pytest.mark.slow] if "resnet50" in name else [])
        for name in MODELS
        if not name.endswith("101")
    ],
)
def test_logits_are_torchvision_s(architecture, tmp_path):
    peer = peer_of(architecture)
    model = import_checkpoint(TorchvisionImporter(), saved(peer, tmp_path), architecture=architecture, classes=5)
    for size in ((64, 64), (97, 131)):
        assert_same_logits(peer, model, torch.randn(1, 3, *size))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["fcn_resnet101", "deeplabv3_resnet101"])
def test_logits_of_a_resnet101_are_torchvision_s(architecture, tmp_path):
    peer = peer_of(architecture)
    assert_same_logits(peer, import_checkpoint(TorchvisionImporter(), saved(peer, tmp_path)), torch.randn(1, 3, 65, 97))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", AUXILIARY)
def test_auxiliary_logits_are_torchvision_s(architecture, tmp_path):
    peer = peer_of(architecture, aux_loss=True)
    model = import_checkpoint(TorchvisionImporter(), saved(peer, tmp_path))
    image = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        expected = peer(image)
        logits, auxiliary = model(image, auxiliary=True)
    assert difference(logits, expected["out"]) <= 1e-4
    assert difference(auxiliary[4], expected["aux"]) <= 1e-4


def test_a_narrow_auxiliary_head_is_left_out_and_said_so(tmp_path):
    path = saved(peer_of("deeplabv3_mobilenet_v3_large", aux_loss=True), tmp_path)
    imported = TorchvisionImporter().read(segzoo.Checkpoint(path))
    assert imported.arguments["auxiliary"] == ()
    assert "auxiliary head was left out" in imported.losses[0]


@pytest.mark.parametrize("architecture", ["fcn_resnet50", "lraspp_mobilenet_v3_large"])
def test_the_architecture_is_seen_by_the_names(architecture, tmp_path):
    path = saved(peer_of(architecture), tmp_path)
    source = segzoo.Checkpoint(path)
    assert TorchvisionImporter().recognises(source)
    assert TorchvisionImporter().read(source).arguments["classes"] == 5


@pytest.mark.parametrize("prefix", [*("module.", "model."), pytest.param("_orig_mod.module.", marks=pytest.mark.slow)])
def test_a_training_program_s_names_are_known(prefix, tmp_path):
    weights = peer_of("lraspp_mobilenet_v3_large").state_dict()
    some = {prefix * name.startswith("backbone") + name: each for name, each in weights.items()}
    for number, names in enumerate([some, {prefix + name: each for name, each in weights.items()}]):
        path = tmp_path / f"{number}.pth"
        torch.save({"teacher": {**names, "mean": torch.zeros(3), "std": torch.ones(3)}}, path)
        import_checkpoint(TorchvisionImporter(), path)


def test_an_unknown_weight_is_named(tmp_path):
    weights = peer_of("lraspp_mobilenet_v3_large").state_dict() | {"loss.weight": torch.zeros(5)}
    torch.save(weights, tmp_path / "more.pth")
    with pytest.raises(segzoo.CheckpointError, match=r"hold loss\.weight, which this architecture doesn't have"):
        TorchvisionImporter().read(segzoo.Checkpoint(tmp_path / "more.pth"))


def test_another_state_dict_is_not_recognised(tmp_path):
    path = saved(torch.nn.Linear(2, 2), tmp_path)
    assert not TorchvisionImporter().recognises(segzoo.Checkpoint(path))
    assert not TorchvisionImporter().recognises(segzoo.Checkpoint(tmp_path))


def test_a_file_that_is_no_weights_is_not_recognised(tmp_path):
    (tmp_path / "model.pth").write_bytes(b"none")
    assert not TorchvisionImporter().recognises(segzoo.Checkpoint(tmp_path / "model.pth"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"architecture": "deeplabv3_resnet50"}, "holds the weights of lraspp_mobilenet_v3_large, where deeplabv3_res"),
        ({"classes": 21}, "has 5 classes, and classes=21 was given"),
    ],
)
def test_what_the_user_says_is_held_against_the_weights(arguments, message, tmp_path):
    path = saved(peer_of("lraspp_mobilenet_v3_large"), tmp_path)
    with pytest.raises(segzoo.CheckpointError, match=message):
        TorchvisionImporter().read(segzoo.Checkpoint(path, arguments))


@pytest.mark.parametrize("depth", [1, 3, 5])
@pytest.mark.parametrize("output_stride", [None, 16])
def test_the_encoder_honours_the_contract(depth, output_stride):
    options = {"output_stride": output_stride} if output_stride else {}
    with torch.device("meta"):
        model = segzoo.create_model(
            "torchvision-mobilenet_v3_large", "linear", classes=2, depth=depth, in_channels=4, encoder_options=options
        )
    assert max(model.plan.spec.strides) == min(2**depth, output_stride or 32)


def test_a_dilated_encoder_has_the_same_weights():
    with torch.device("meta"):
        assert TorchvisionMobileNetV3(dilated=True).state_dict().keys() == TorchvisionMobileNetV3().state_dict().keys()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"encoder_options": {"output_stride": 8}}, segzoo.NegotiationError),
        ({"encoder_options": {"prefix": "concat"}}, segzoo.NegotiationError),
        ({"encoder_options": {"width": 2}}, segzoo.OptionError),
        ({"depth": 6}, segzoo.OptionError),
    ],
)
def test_the_encoder_refuses(arguments, error):
    with pytest.raises(error, match="torchvision-mobilenet_v3_large"):
        segzoo.plan("torchvision-mobilenet_v3_large", "fcn", **arguments)


def test_the_encoder_has_no_published_weights():
    with pytest.raises(segzoo.CheckpointError, match="no published weights"):
        segzoo.create_model("torchvision-mobilenet_v3_large", "fcn", classes=2, pretrained=True)
