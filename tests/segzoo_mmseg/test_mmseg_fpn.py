"""Semantic FPN as mmsegmentation has it, with convolutions on the pyramid, is an option of segzoo's."""

import pytest
import torch
from foreign import difference, disturb
from mmseg_peer import FPN, FPNHead, digest, resized
from torch import nn

import segzoo

RESNET18 = (64, 128, 256, 512)
OPTIONS = {"smooth": True, "dropout": 0.0}


def peer(classes):
    return nn.ModuleDict({"neck": FPN(RESNET18, 256), "decode_head": FPNHead(256, 128, classes)})


def test_the_peer_has_mmsegmentation_s_names():
    """Those of onedl-mmsegmentation 1.4.2, for 150 classes and `norm_cfg=dict(type="GN", num_groups=32)`."""
    assert digest(peer(150).state_dict()) == "37c22f0cb1b5adeb"


def test_the_logits_are_mmsegmentation_s():
    theirs = disturb(peer(5))
    model = segzoo.create_model("resnet18", "fpn", classes=5, decoder_options=OPTIONS).eval()
    decoder = {name: each for name, each in model.state_dict().items() if not name.startswith("encoder.")}
    order = ("lateral", "fpn_convs", "scale_heads", "conv_seg")  # as segzoo's names come
    named = theirs.state_dict()
    weights = [named[name] for part in order for name in named if part in name]
    model.load_state_dict(dict(zip(decoder, weights, strict=True)), strict=False)
    image = torch.rand(1, 3, 128, 96)
    with torch.no_grad():
        expected = theirs["decode_head"](theirs["neck"](model.encoder(image)[2:]))
        assert difference(model(image), resized(expected, image.shape[-2:])) < 1e-5


@pytest.mark.parametrize(
    ("encoder", "expected"), [("resnet18", 15_426_774), ("resnet50", 28_495_574), ("resnet101", 47_487_702)]
)
def test_it_has_as_many_parameters_as_published(encoder, expected):
    """15.5, 28.5 and 47.5 M for 150 classes in arXiv:2102.12122, table 5, which rounds up.

    On 64 to 512 or 256 to 2048 channels: 1x1 and 3x3 convolutions of the four levels, seven of the branches with their
    norms, and the classifier are 4,250,262 or 4,987,542, and the encoders 11,176,512, 23,508,032 and 42,500,160.
    """
    plan = segzoo.plan(encoder, "fpn", classes=150, decoder_options=OPTIONS)
    classifier = 128 * 150 + 150
    assert plan.encoder.parameters + plan.decoder.parameters + classifier == expected
