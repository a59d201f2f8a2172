import pytest
import torch

import segzoo
from segzoo_swin.encoder import SwinTransformer

SMALL = {"width": 24, "blocks": [2, 2, 2, 2], "heads": [1, 2, 4, 8], "window": 4}


def small(**options):
    torch.manual_seed(0)
    return SwinTransformer(**SMALL | options).eval()


@pytest.mark.slow
@torch.no_grad()
def test_maps_of_whole_windows_are_timm_s():
    timm_s = segzoo.create_model("swin_tiny_patch4_window7_224", "linear", classes=2, img_size=448).encoder.eval()
    own = SwinTransformer().eval()
    weights = {}
    for name, weight in timm_s.body.state_dict().items():
        name = name.replace("layers.", "stages.").replace("downsample.", "merge.")
        weights[name.replace("patch_embed.proj", "patches").replace("patch_embed.norm", "patches_norm")] = weight
    missing = own.load_state_dict(weights, strict=False)
    assert all(name.startswith("norms.") for name in missing.missing_keys)
    assert not missing.unexpected_keys
    own.norms = torch.nn.ModuleList(torch.nn.Identity() for _ in own.norms)
    image = torch.rand(1, 3, 448, 448)
    for ours, theirs in zip(own(image), timm_s(image), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(64, 64), (97, 131), (5, 9)])
def test_any_size_is_taken(size):
    encoder = small()
    image = torch.rand(1, 3, *size)
    shapes = [tuple(each.shape[-2:]) for each in encoder(image)]
    assert shapes == [segzoo.grid_size(size, stride) for stride in encoder.spec.strides]


def test_every_parameter_learns():
    model = segzoo.create_model("swin/swin", "upernet", classes=2, encoder_options=SMALL)
    model(torch.rand(2, 3, 97, 131)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_shift_parts_opposite_borders():
    """What is at one border doesn't change what comes out at the other, though a shift brings them together."""
    encoder = small(depth=2)
    image = torch.rand(1, 3, 64, 64)
    other = image.clone()
    other[..., :8] = 0
    with torch.no_grad():
        before, after = encoder(image)[2], encoder(other)[2]
    assert not torch.equal(before[..., :4], after[..., :4])
    torch.testing.assert_close(before[..., -4:], after[..., -4:], rtol=0, atol=1e-5)


def test_listings_leave_it_out():
    assert not [name for name in segzoo.list_encoders("swin*") if name in ("swin", "segzoo:swin/swin")]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"encoder_options": {"output_stride": 16}}, segzoo.NegotiationError),
        ({"encoder_options": {"prefix": "concat"}}, segzoo.NegotiationError),
        ({"encoder_options": {"patch": 2}}, segzoo.OptionError),
        ({"encoder_options": {"window": 1}}, segzoo.OptionError),
        ({"encoder_options": {"blocks": [2, 2]}}, segzoo.OptionError),
        ({"encoder_options": {"width": 20}}, segzoo.OptionError),
        ({"depth": 1}, segzoo.OptionError),
    ],
)
def test_it_refuses(arguments, error):
    with pytest.raises(error, match=r"[sS]win"):
        segzoo.plan("swin/swin", "upernet", **arguments)


def test_it_has_no_published_weights():
    with pytest.raises(segzoo.CheckpointError, match="no published weights"):
        segzoo.create_model("swin/swin", "upernet", classes=2, pretrained=True)
