import pytest
import torch
from knet_peer import FCN, UPER, knet_head
from query_parity import CHANNELS, STAGES, maps
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo
from segzoo_knet.decoder import KNetDecoder
from segzoo_mmseg.knet import KNet

SMALL = {"inner": "fpn", "inner_options": {"width": 32, "pyramid_width": 16}, "hidden": 32, "steps": 2}


def model_of(encoder="resnet", classes=4, **options):
    encoder = synthetic(encoder)
    return segzoo.create_model(encoder, "knet", classes=classes, decoder_options=SMALL | options)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_takes_what_its_inner_decoder_takes(pattern):
    plan, inner = (segzoo.plan(synthetic(pattern), decoder) for decoder in ("knet", "upernet"))
    assert (plan.stages, plan.roles, plan.neck) == (inner.stages, inner.roles, inner.neck)


def test_the_first_logits_are_a_linear_classifier_s():
    decoder = model_of().decoder.eval()
    features = [torch.rand(2, channels, 8, 6) for channels in decoder.stages.channels]
    _, (later, first) = decoder(features, coarser=True)
    decoded = decoder.inner_features(features)
    expected = torch.nn.functional.conv2d(decoded, decoder.kernels[..., None, None], decoder.bias.flatten())
    assert torch.allclose(first, expected, atol=1e-6)
    assert later.shape == first.shape


def test_each_step_has_the_parameters_of_its_layers():
    """Of 512 channels in groups of 256, counted from equations 4 to 6 and the authors' configuration."""
    channels, group, hidden, norm = 512, 256, 2048, 2
    adapt = 7 * (group**2 + group) + 5 * norm * group
    interact = 4 * (channels**2 + channels) + norm * channels
    feed = 2 * channels * hidden + hidden + channels + norm * channels
    masks = channels**2 + norm * channels + channels**2 + channels
    expected = (channels**2 + channels) + adapt + interact + feed + masks
    with torch.device("meta"):
        decoder = model_of(inner="fcn", inner_options={"width": channels}, hidden=hidden).decoder
    assert [parameters(update) for update in decoder.updates] == [expected] * 2


def test_heads_that_can_t_share_out_the_channels_are_refused():
    with pytest.raises(segzoo.OptionError, match="heads that share out the 32 channels of inner decoder"):
        segzoo.plan(synthetic("resnet"), "knet", decoder_options=SMALL | {"heads": 3})


@pytest.mark.parametrize("classes", [1, 3])
def test_it_trains_on_one_image(classes):
    model = model_of(classes=classes).train()
    model(torch.rand(1, 3, 64, 64)).square().mean().backward()
    assert all(each.grad.isfinite().all() for each in model.decoder.parameters())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the peer's
@pytest.mark.parametrize(
    ("peer", "inner", "inner_options", "places"),
    [
        (FCN, "fcn", {"width": 512, "convs": 2, "concat_input": True, "dropout": 0.0}, (3,)),
        (UPER, "upernet", {"width": 512, "input_norm": False, "dropout": 0.0}, (0, 1, 2, 3)),
    ],
    ids=["fcn", "upernet"],
)
def test_logits_of_each_step_and_gradients_are_mmsegmentation_s(mmseg, peer, inner, inner_options, places):
    theirs = knet_head(mmseg, peer, CHANNELS, classes=5).double().train()
    options = {"inner": inner, "inner_options": inner_options, "hidden": 64}
    ours = KNetDecoder(STAGES.select(places), 5, **options).double().train()
    weights = {f"decode_head.{name}": weight for name, weight in theirs.state_dict().items()}
    names = segzoo.under("decode_head", "", KNet().decoder_names(weights))
    ours.load_state_dict(segzoo.rename_weights(weights, names))
    features = maps()
    taken = [features[place] for place in places]
    last, earlier = ours(taken, coarser=True)
    expected = theirs(features)
    for got, wanted in zip((last, *earlier), expected[::-1], strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6)
    weight = torch.randn_like(last)
    gradients = [torch.autograd.grad((each * weight).sum(), taken) for each in (last, expected[-1])]
    for got, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6 * wanted.abs().max().item())
