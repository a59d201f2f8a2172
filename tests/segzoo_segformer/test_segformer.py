import pytest
import segmentation_models_pytorch as smp
import torch
from smp_parity import (
    HEAD,
    MIT_ENCODER,
    TIMM_ENCODER,
    assert_same_gradients,
    assert_same_logits,
    carry_over,
    parameters,
    shaped_as,
    without_chance,
)
from synthetic import PATTERNS, synthetic
from transformers import SegformerConfig, SegformerForSemanticSegmentation

import segzoo
from segzoo_mit.source import VARIANTS
from segzoo_mit.weights import own_weights

FUSE = [
    (r"^decoder\.fuse_stage\.0\.", "decoder.fuse.conv."),
    (r"^decoder\.fuse_stage\.1\.", "decoder.fuse.norm."),
]


def linears(stages):
    """SMP counts its linear layers from the coarsest stage."""
    return [(rf"^decoder\.mlp_stage\.{i}\.linear\.", f"decoder.linears!{stages - 1 - i}.") for i in range(stages)]


def counterparts(encoder):
    """SMP's Segformer and ours with its weights, 5 classes."""
    torch.manual_seed(0)
    peer = smp.Segformer(encoder, encoder_weights=None, classes=5)
    model = segzoo.create_model(
        encoder, "segformer", classes=5, decoder_options={"finest_stride": 2, "align_corners": True}
    )
    names = MIT_ENCODER if encoder.startswith("mit") else TIMM_ENCODER
    rules = [*HEAD, *names, *linears(len(model.decoder.linears)), (r"!", "."), *FUSE]
    carry_over(peer, model, rules)
    return without_chance(peer), without_chance(model), rules


every_encoder = pytest.mark.parametrize("encoder", ["resnet34", "mit_b0"])


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", "segformer", classes=19, decoder_options={"finest_stride": 2})
    assert parameters(model) == 24_841_811


@pytest.mark.parametrize(("encoder", "decoder", "millions"), [("mit_b0", 0.433, 3.75), ("mit_b1", 0.564, 13.72)])
def test_it_has_as_many_parameters_as_published(encoder, decoder, millions):
    with torch.device("meta"):
        model = segzoo.create_model(encoder, "segformer", classes=150)
    assert round((parameters(model) - parameters(model.encoder)) / 1e6, 3) == decoder
    assert round(parameters(model) / 1e6, 2) == millions


@every_encoder
def test_its_logits_are_smp_s(encoder):
    peer, model, _ = counterparts(encoder)
    assert_same_logits(peer, model, torch.rand(2, 3, 64, 96))


@every_encoder
def test_its_gradients_are_smp_s(encoder):
    peer, model, rules = counterparts(encoder)
    assert_same_gradients(peer, model, torch.rand(2, 3, 64, 96), rules)


@pytest.mark.parametrize("size", [(64, 96), (97, 131)])
def test_its_logits_are_those_of_transformers(size):
    torch.manual_seed(0)
    channels, blocks = VARIANTS["mit_b0"]
    peer = SegformerForSemanticSegmentation(
        SegformerConfig(hidden_sizes=list(channels), depths=list(blocks), num_labels=150)
    ).eval()
    model = segzoo.create_model("mit_b0", "segformer", classes=150).eval()
    weights = peer.state_dict()
    body = {name.removeprefix("segformer."): value for name, value in weights.items() if name.startswith("segformer.")}
    model.encoder.load_state_dict(own_weights(body, model.encoder))
    names = {"linear_fuse": "fuse.conv", "batch_norm": "fuse.norm", "classifier": "classifier"}
    head = {}
    for name, value in weights.items():
        if name.startswith("decode_head."):
            layer, _, leaf = name.removeprefix("decode_head.").rpartition(".")
            stage = layer.removeprefix("linear_projections.").partition(".")[0]
            head[f"{names.get(layer, f'linears.{stage}')}.{leaf}"] = value
    classifier = model.head.classifiers["logits"].conv
    classifier.load_state_dict({leaf: head.pop(f"classifier.{leaf}") for leaf in ("weight", "bias")})
    model.decoder.load_state_dict(shaped_as(model.decoder.state_dict(), head))
    image = torch.rand(2, 3, *size)
    with torch.no_grad():
        expected = segzoo.nn.resize(peer(image).logits, size)
        assert (model(image) - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_of_strides_is_taken(pattern):
    plan = segzoo.plan(synthetic(pattern), "segformer")
    assert min(plan.spec.select(plan.stages).strides) >= 4


@pytest.mark.parametrize("pattern", ["resnet", "plain_vit"])
def test_logits_have_the_image_s_size_with_every_stage(pattern):
    options = {"finest_stride": 2, "width": 768}
    model = segzoo.create_model(synthetic(pattern), "segformer", classes=4, decoder_options=options).eval()
    assert model(torch.rand(1, 3, 97, 131)).shape == (1, 4, 97, 131)


def test_the_output_keeps_stride_4_when_finer_stages_are_taken():
    options = {"finest_stride": 2}
    model = segzoo.create_model(synthetic("resnet"), "segformer", classes=4, decoder_options=options).eval()
    features = model.encoder(torch.rand(1, 3, 64, 96))
    assert model.decoder([features[stage] for stage in model.plan.stages]).shape[-2:] == (16, 24)


@pytest.mark.parametrize("option", [{"width": 0}, {"dropout": 1.0}, {"finest_stride": 1}])
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match="segformer needs"):
        segzoo.plan(synthetic("resnet"), "segformer", decoder_options=option)


def test_an_encoder_without_a_stage_so_coarse_is_refused():
    with pytest.raises(segzoo.NegotiationError, match="segformer needs a stage from stride 8 on"):
        segzoo.plan(synthetic("few"), "segformer", decoder_options={"finest_stride": 8})
