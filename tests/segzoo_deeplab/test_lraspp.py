import pytest
import torch
from smp_parity import parameters, renamed
from synthetic import Synthetic, synthetic
from torchvision.models.segmentation.lraspp import LRASPPHead

import segzoo

TORCHVISION = [
    (r"^cbr\.0\.", "high.conv."),
    (r"^cbr\.1\.", "high.norm."),
    (r"^scale\.1\.", "gate."),
]


def test_it_has_as_many_parameters_as_torchvision_s():
    with torch.device("meta"):
        assert parameters(segzoo.create_model("mobilenetv3_large_100", "lraspp", classes=21)) == 3_221_538


def test_its_logits_are_torchvision_s_on_the_same_features():
    torch.manual_seed(0)
    encoder = Synthetic((3, 0, 0, 40, 0, 96), (1, 2, 4, 8, 16, 16))
    peer = LRASPPHead(low_channels=40, high_channels=96, num_classes=5, inter_channels=128).eval()
    model = segzoo.create_model(encoder, "lraspp", classes=5).eval()
    model.decoder.load_state_dict(renamed(peer.state_dict(), TORCHVISION))
    with torch.no_grad():
        low, high = (encoder(torch.rand(2, 3, 97, 131))[stage] for stage in (3, 5))
        torch.testing.assert_close(model.decoder([low, high]), peer({"low": low, "high": high}))


def test_several_heads_share_its_logits():
    model = segzoo.create_model(synthetic("resnet"), "lraspp", heads={"mask": 4, "edge": 1})
    logits = model(torch.rand(2, 3, 97, 131))
    assert {name: each.shape[1] for name, each in logits.items()} == {"mask": 4, "edge": 1}


@pytest.mark.parametrize("option", [{"width": 0}, {"output_stride": 12}])
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match=next(iter(option))):
        segzoo.plan(synthetic("resnet"), "lraspp", decoder_options=option)
