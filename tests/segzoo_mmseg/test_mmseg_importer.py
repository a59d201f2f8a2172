import mmseg_peer
import pytest
import torch
from foreign import difference, disturb
from importing import import_checkpoint
from mmseg_peer import MODELS, ASPPHead, ConvModule, FCNHead, Model, ResNetV1c, UPerHead, digest

import segzoo
from segzoo_mmseg.importer import MMSegImporter

SIZES = [(64, 64), (97, 131)]
QUICK = ["segformer", "upernet_swin"]
LONG = [name for name in MODELS if name not in QUICK]
every_model = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)]


def small(classes=5):
    """A model that is quickly made: UPerNet on ResNet-18."""
    return Model(ResNetV1c(18, dilated=False), UPerHead((64, 128, 256, 512), 32, classes), FCNHead(256, 256, classes))


def saved(weights, folder, **meta):
    torch.save({"meta": meta, "state_dict": weights}, folder / "iter_80000.pth")
    return folder / "iter_80000.pth"


def import_peer(peer, folder, **arguments):
    return import_checkpoint(MMSegImporter(), saved(disturb(peer).state_dict(), folder), **arguments)


def imported(peer, folder, **meta):
    return MMSegImporter().read(segzoo.Checkpoint(saved(peer.state_dict(), folder, **meta)))


@torch.no_grad()
def assert_same_logits(peer, model, *sizes):
    for size in sizes:
        image = torch.randn(1, 3, *size)
        logits, auxiliary = model(image, auxiliary=True)
        assert difference(logits, peer(image)) <= 1e-4
        assert set(auxiliary) == ({4} if peer.auxiliary_head else set())
        if peer.auxiliary_head:
            assert difference(auxiliary[4], peer.auxiliary(image)) <= 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_the_peer_has_mmsegmentation_s_names(name):
    make, expected = MODELS[name]
    with torch.device("meta"):
        assert digest(make().state_dict()) == expected


@pytest.mark.parametrize("name", every_model)
def test_logits_are_mmsegmentation_s(name, tmp_path):
    peer = MODELS[name][0]()
    assert_same_logits(peer, import_peer(peer, tmp_path), *SIZES)


def test_logits_on_a_shallow_resnet_are_mmsegmentation_s(tmp_path):
    peer = small()
    assert_same_logits(peer, import_peer(peer, tmp_path), *SIZES)


@pytest.mark.slow
def test_another_dilation_is_given_by_the_user(tmp_path):
    peer = Model(ResNetV1c(), ASPPHead(2048, 64, 5, rates=(6, 12, 18)))
    options = {"rates": [6, 12, 18]}
    assert_same_logits(peer, import_peer(peer, tmp_path, decoder_options=options), (97, 131))


@pytest.mark.parametrize("prefix", ["module.", "model."])
def test_a_training_program_s_prefix_goes(prefix, tmp_path):
    path = saved({prefix + name: each for name, each in small().state_dict().items()}, tmp_path)
    import_checkpoint(MMSegImporter(), path)


@pytest.mark.parametrize("meta", ["dataset_meta", "CLASSES"])
def test_classes_have_names_and_colours(meta, tmp_path):
    names, palette = ("a", "b", "c", "d", "e"), [[1, 2, 3]] * 5
    said = {
        "dataset_meta": {"dataset_meta": {"classes": names, "palette": palette}},
        "CLASSES": {"CLASSES": names, "PALETTE": palette},
    }[meta]
    labels = imported(small(), tmp_path, **said).labels["logits"]
    assert labels == segzoo.Labels(names, ((1, 2, 3),) * 5)


@pytest.mark.parametrize("meta", [{}, {"CLASSES": ("a", "b")}, {"dataset_meta": {"classes": None, "palette": "x"}}])
def test_labels_that_do_not_fit_are_left_out(meta, tmp_path):
    assert imported(small(), tmp_path, **meta).labels == {}


def test_several_auxiliary_convolutions_are_left_out_and_noted(tmp_path):
    peer = small()
    peer.auxiliary_head = FCNHead(256, 256, 5, convs=2)
    read = imported(peer, tmp_path)
    assert read.arguments["auxiliary"] == ()
    assert read.losses == (
        "the auxiliary head was left out: it has several convolutions, and segzoo's has one; predictions don't depend "
        "on it",
    )


def test_a_narrow_auxiliary_head_is_left_out_and_noted(tmp_path):
    peer = small()
    peer.auxiliary_head = FCNHead(256, 64, 5)
    assert "segzoo's is one 3x3 convolution to 256 channels" in imported(peer, tmp_path).losses[0]


def other_head():
    head = torch.nn.Module()
    head.query = ConvModule(512, 32)
    head.conv_seg = torch.nn.Conv2d(32, 5, 1)
    return head


def with_other_widths():
    peer = small()
    peer.backbone.layer1[0].conv2 = torch.nn.Conv2d(64, 64, 3, groups=2)
    return peer


def with_absolute_positions():
    peer = mmseg_peer.upernet_swin()
    peer.backbone.absolute_pos_embed = torch.nn.Parameter(torch.zeros(1, 4, 24))
    return peer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Model(ResNetV1c(18, dilated=False), other_head()), "this decode head can't be .* decode_head.query"),
        (lambda: Model(torch.nn.Conv2d(3, 64, 1), small().decode_head), "this backbone can't be imported"),
        (with_other_widths, r"this ResNet of \(2, 2, 2, 2\) blocks can't be imported"),
        (with_absolute_positions, "absolute position embeddings"),
        (
            lambda: Model(mmseg_peer.MixVisionTransformer(8), mmseg_peer.segformer().decode_head),
            r"this Mix Transformer of 8 channels and \(2, 2, 2, 2\) blocks can't be imported",
        ),
    ],
)
def test_what_cannot_be_imported_says_which_part(make, message, tmp_path):
    with pytest.raises(segzoo.CheckpointError, match=message):
        imported(make(), tmp_path)


def test_arguments_that_it_does_not_know_are_refused(tmp_path):
    path = saved(small().state_dict(), tmp_path)
    with pytest.raises(
        segzoo.CheckpointError, match="takes encoder_options and decoder_options, and classes was given"
    ):
        MMSegImporter().read(segzoo.Checkpoint(path, {"classes": 5}))


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"decode_head.conv_seg.weight": torch.zeros(1)}},
        {"meta": {}, "state_dict": {"encoder.weight": torch.zeros(1)}},
        [1, 2],
    ],
)
def test_other_checkpoints_are_not_recognised(content, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    assert not MMSegImporter().recognises(segzoo.Checkpoint(tmp_path / "other.pth"))
    assert not MMSegImporter().recognises(segzoo.Checkpoint(tmp_path))


def test_a_checkpoint_that_needs_unpickling_is_not_opened(tmp_path):
    torch.save({"meta": {"who": object()}, "state_dict": small().state_dict()}, tmp_path / "unsafe.pth")
    source = segzoo.Checkpoint(tmp_path / "unsafe.pth")
    assert not MMSegImporter().recognises(source)
    with pytest.raises(segzoo.CheckpointError, match="can't be read as weights"):
        MMSegImporter().read(source)
