import pytest
import torch
from query_parity import STAGES, maps
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo
from segzoo_knet.decoder import KNetDecoder

SMALL = {"inner": "fpn", "inner_options": {"width": 32, "pyramid_width": 16}, "hidden": 32, "steps": 2}
NORM = {"type": "BN"}


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
    _, (first, *later) = decoder.forward_with_earlier(features)
    decoded = decoder.inner_features(features)
    expected = torch.nn.functional.conv2d(decoded, decoder.kernels[..., None, None], decoder.bias.flatten())
    assert torch.allclose(first, expected, atol=1e-6)
    assert len(later) == 1


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


def peer_of(mmseg, inner, classes):
    update = {
        "type": "KernelUpdateHead", "num_classes": classes, "num_ffn_fcs": 2, "num_heads": 8, "num_mask_fcs": 1,
        "feedforward_channels": 64, "in_channels": 512, "out_channels": 512, "conv_kernel_size": 1,
        "feat_transform_cfg": {"conv_cfg": {"type": "Conv2d"}, "act_cfg": None},
        "kernel_updator_cfg": {"type": "mmseg.KernelUpdator", **dict.fromkeys(("in_channels", "feat_channels"), 256)},
    }  # fmt: skip
    common = {"num_classes": classes, "channels": 512, "dropout_ratio": 0.0, "norm_cfg": NORM, "align_corners": False}
    return mmseg.IterativeDecodeHead(
        num_stages=3, kernel_generate_head=inner | common, kernel_update_head=[_copy(update) for _ in range(3)]
    )


def _copy(update):
    return update | {"feat_transform_cfg": dict(update["feat_transform_cfg"])}  # the peer takes things out of it


CONV = {"conv": "conv", "bn": "norm"}
FCN = segzoo.under("convs.{}", "convs.{}", CONV) | segzoo.under("conv_cat", "join", CONV)
UPER = {
    **segzoo.under("psp_modules.{}.1", "pooling.branches.{}", CONV),
    **segzoo.under("bottleneck", "context", CONV),
    **segzoo.under("lateral_convs.{}", "laterals.{}", CONV),
    **segzoo.under("fpn_convs.{}", "smooth.{}", CONV),
    **segzoo.under("fpn_bottleneck", "fuse", CONV),
}
QUERY_KEY_VALUE = ("interact.query", "interact.key", "interact.value")
UPDATOR = {
    "dynamic_layer": segzoo.split("gathered_in", "gathered_out"),
    "input_layer": segzoo.split("kernel_in", "kernel_out"),
    "update_gate": "gathered_gate.0",
    "norm_in": "gathered_gate.1",
    "input_gate": "kernel_gate.0",
    "input_norm_in": "kernel_gate.1",
    "norm_out": "gathered_norm",
    "input_norm_out": "kernel_norm",
    "fc_layer": "output.0",
    "fc_norm": "output.1",
}
UPDATE = {
    "feat_transform.conv": "transform",
    **segzoo.under("kernel_update_conv", "adapt", UPDATOR),
    **{
        f"attention.attn.in_proj_{kind}": segzoo.split(*(f"{each}.{kind}" for each in QUERY_KEY_VALUE))
        for kind in ("weight", "bias")
    },
    "attention.attn.out_proj": "interact.output",
    "attention_norm": "interact_norm",
    "ffn.layers.0.0": "feed.0",
    "ffn.layers.1": "feed.2",
    "ffn_norm": "feed_norm",
    "mask_fcs": "mask_kernels",
    "fc_mask": "mask_kernels.3",
}


def names_of(inner):
    return {
        "kernel_generate_head.conv_seg.weight": segzoo.change("kernels", lambda weight: weight.flatten(1)),
        "kernel_generate_head.conv_seg.bias": segzoo.change("bias", lambda bias: bias[:, None, None]),
        **segzoo.under("kernel_generate_head", "inner", inner),
        **segzoo.under("kernel_update_head.{}", "updates.{}", UPDATE),
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the peer's
@pytest.mark.parametrize(
    ("peer", "names", "inner", "inner_options", "places"),
    [
        (
            {"type": "FCNHead", "in_channels": 40, "in_index": 3, "num_convs": 2, "concat_input": True},
            FCN,
            "fcn",
            {"width": 512, "convs": 2, "concat_input": True, "dropout": 0.0},
            (3,),
        ),
        (
            {
                "type": "UPerHead",
                "in_channels": [16, 24, 32, 40],
                "in_index": [0, 1, 2, 3],
                "pool_scales": (1, 2, 3, 6),
            },
            UPER,
            "upernet",
            {"width": 512, "input_norm": False, "dropout": 0.0},
            (0, 1, 2, 3),
        ),
    ],
    ids=["fcn", "upernet"],
)
def test_logits_of_each_step_and_gradients_are_mmsegmentation_s(mmseg, peer, names, inner, inner_options, places):
    theirs = peer_of(mmseg, peer, classes=5).double().train()
    options = {"inner": inner, "inner_options": inner_options, "hidden": 64}
    ours = KNetDecoder(STAGES.select(places), 5, **options).double().train()
    ours.load_state_dict(segzoo.rename_weights(theirs.state_dict(), names_of(names)))
    features = maps()
    taken = [features[place] for place in places]
    last, earlier = ours.forward_with_earlier(taken)
    expected = theirs(features)
    for got, wanted in zip((*earlier, last), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6)
    weight = torch.randn_like(last)
    gradients = [torch.autograd.grad((each * weight).sum(), taken) for each in (last, expected[-1])]
    for got, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6 * wanted.abs().max().item())
