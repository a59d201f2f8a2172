"""Checkpoints of mmsegmentation's heads of context."""

from types import SimpleNamespace

import pytest
import torch
from foreign import difference, disturb
from importing import import_checkpoint
from mmseg_heads import SMALL, logits_of, mmseg_head
from mmseg_peer import Model, ResNetV1c, resized

import segzoo
from segzoo_mmseg.importer import MMSegImporter

RESNET18 = (64, 128, 256, 512)
RESNET50 = (256, 512, 1024, 2048)
UNDILATED = {"output_stride": None}

JOINED = {"convs.0.conv": (512, 2048, 3, 3), "conv_cat.conv": (512, 2560, 3, 3)}
SEEN = [
    (JOINED | {"nl_block.theta.conv": (256, 512, 1, 1)}, "nonlocal", {"width": 512, "reduction": 2}),
    (JOINED | {"dnl_block.theta.conv": (128, 512, 1, 1)}, "dnl", {"width": 512, "reduction": 4}),
    (
        JOINED | {"gc_block.conv_mask": (1, 512, 1, 1), "gc_block.channel_add_conv.0": (128, 512, 1, 1)},
        "gcnet",
        {"width": 512, "reduction": 4},
    ),
    (JOINED | {"cca.query_conv": (64, 512, 1, 1)}, "ccnet", {"width": 512, "reduction": 8}),
    (
        {f"acm_modules.{place}.gla": (cells**2, 512, 1, 1) for place, cells in enumerate((1, 2, 3, 6))}
        | {"acm_modules.0.fusion_conv.conv": (512, 512, 1, 1), "bottleneck.conv": (512, 4096, 3, 3)},
        "apcnet",
        {"width": 512, "grids": [1, 2, 3, 6]},
    ),
    (
        {"dcm_modules.0.filter_gen_conv": (512, 2048, 1, 1), "bottleneck.conv": (512, 4096, 3, 3)},
        "dmnet",
        {"width": 512},
    ),
    (JOINED, "fcn", {"width": 512, "convs": 1, "concat_input": True}),
]
"""Some weights of a head, the decoder that has them, and what its options are then."""


@pytest.mark.parametrize(("shapes", "decoder", "options"), SEEN, ids=[decoder for _, decoder, _ in SEEN])
def test_a_head_and_its_widths_are_seen_by_names_and_shapes(shapes, decoder, options):
    weights = {f"decode_head.{name}.weight": torch.empty(shape, device="meta") for name, shape in shapes.items()}
    checkpoint = SimpleNamespace(weights=weights)
    architecture = next(each for each in MMSegImporter.architectures if each.recognises(checkpoint))
    assert architecture.decoder == decoder
    assert options.items() <= architecture.options(weights).items()


def saved(model, folder):
    torch.save({"meta": {}, "state_dict": model.state_dict()}, folder / "iter_80000.pth")
    return folder / "iter_80000.pth"


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_logits_are_mmsegmentation_s(mmseg, name, tmp_path):
    peer = Model(disturb(ResNetV1c(18, dilated=False)), mmseg_head(mmseg, name, RESNET18)).eval()
    model = import_checkpoint(MMSegImporter(), saved(peer, tmp_path), decoder_options=UNDILATED)
    image = torch.randn(1, 3, 97, 131)
    with torch.no_grad():
        expected = resized(logits_of(peer.decode_head, peer.backbone(image)), image.shape[-2:])
        assert difference(model(image), expected) <= 1e-4


@pytest.mark.slow
def test_the_backbone_is_dilated_as_published(mmseg, tmp_path):
    peer = Model(disturb(ResNetV1c()), mmseg_head(mmseg, "nonlocal", RESNET50)).eval()
    model = import_checkpoint(MMSegImporter(), saved(peer, tmp_path))
    image = torch.randn(1, 3, 97, 131)
    with torch.no_grad():
        assert difference(model(image), peer(image)) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("danet", "the classifier of its position attention alone was left out: its training loss alone needs it"),
        ("encnet", "the layer that tells which classes are in the image was left out: its training loss alone needs"),
    ],
)
def test_what_the_training_loss_alone_needs_is_left_out_and_noted(mmseg, name, left_out, tmp_path):
    peer = Model(ResNetV1c(18, dilated=False), mmseg_head(mmseg, name, RESNET18))
    read = MMSegImporter().read(segzoo.Checkpoint(saved(peer, tmp_path)))
    assert read.losses[0].startswith(left_out)
