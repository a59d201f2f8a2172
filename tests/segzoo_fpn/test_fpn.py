import pytest
import torch
from smp_parity import parameters
from torchvision.ops import FeaturePyramidNetwork

import segzoo
from segzoo_fpn.decoder import FPNDecoder

STAGES = segzoo.FeatureSpec((24, 40, 64, 96), (4, 8, 16, 32))


@pytest.mark.parametrize(("encoder", "millions"), [("resnet18", 15.5), ("resnet50", 28.5), ("resnet101", 47.5)])
def test_with_smooth_levels_it_has_as_many_parameters_as_published(encoder, millions):
    """Semantic FPN in the Pyramid Vision Transformer's table 4, arXiv:2102.12122: ADE20K, 150 classes."""
    with torch.device("meta"):
        model = segzoo.create_model(encoder, "fpn", classes=150, decoder_options={"smooth": True})
    assert parameters(model) / 1e6 == pytest.approx(millions, abs=0.1)  # 15.43, 28.50 and 47.49


def test_smooth_levels_are_those_of_torchvision():
    ours = FPNDecoder(STAGES, pyramid_width=32, smooth=True, width=32).eval()
    peer = FeaturePyramidNetwork(list(STAGES.channels), 32)
    for block, lateral, layer, smooth in zip(
        peer.inner_blocks, ours.laterals, peer.layer_blocks, ours.smooth, strict=True
    ):
        block[0].load_state_dict(lateral.state_dict())
        layer[0].load_state_dict(smooth.state_dict())
    features = [
        torch.rand(2, channels, 96 // s, 128 // s) for channels, s in zip(STAGES.channels, STAGES.strides, strict=True)
    ]
    levels = peer({str(entry): feature for entry, feature in enumerate(features)}).values()
    sizes = [feature.shape[-2:] for feature in features]
    expected = sum(branch(level, sizes) for branch, level in zip(ours.branches, levels, strict=True))
    assert torch.allclose(ours(features), expected, atol=1e-5)
