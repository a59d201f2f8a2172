import pytest
import torch
from synthetic import PATTERNS, synthetic

import segzoo
from segzoo_setr.pup import powers_of_two_below

SMALL = {"width": 32}
both = pytest.mark.parametrize("decoder", ["setr_pup", "setr_mla"])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pup_takes_the_deepest_map(pattern):
    plan = segzoo.plan(synthetic(pattern), "setr_pup")
    assert plan.stages == (0, plan.spec.native[-1])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_mla_takes_up_to_four_maps(pattern):
    plan = segzoo.plan(synthetic(pattern), "setr_mla")
    assert plan.stages == (0, *plan.spec.native[-4:]) if pattern not in ("levit", "few") else len(plan.stages) < 5


@both
@pytest.mark.parametrize(("pattern", "noted"), [("plain_vit", False), ("patch_14", False), ("resnet", True)])
def test_the_plan_says_what_becomes_of_a_pyramid(decoder, pattern, noted):
    assert any("made for a transformer" in note for note in segzoo.plan(synthetic(pattern), decoder).notes) is noted


@pytest.mark.parametrize(("stride", "steps"), [(2, []), (14, [8, 4, 2]), (16, [8, 4, 2]), (32, [16, 8, 4, 2])])
def test_pup_doubles_from_power_to_power_of_two(stride, steps):
    assert powers_of_two_below(stride) == steps


def test_pup_wishes_a_convolutional_encoder_to_be_dilated_to_stride_8():
    assert segzoo.plan("resnet18", "setr_pup").request.output_stride == 8
    options = {"output_stride": None}
    assert segzoo.plan("resnet18", "setr_pup", decoder_options=options).request.output_stride is None


def test_pup_wishes_nothing_of_a_transformer():
    plan = segzoo.plan("vit_tiny_patch16_224", "setr_pup")
    assert (plan.request.output_stride, plan.refusals, plan.notes) == (None, (), ())


def test_pup_has_the_paper_s_four_convolutions_on_a_transformer_of_stride_16():
    plan = segzoo.plan(synthetic("plain_vit"), "setr_pup")
    assert plan.decoder.parameters == 2 * 32 + 9 * (32 + 3 * 256) * 256 + 4 * 2 * 256


def test_pup_classifies_before_the_last_doubling():
    model = segzoo.create_model(synthetic("plain_vit"), "setr_pup", classes=4, decoder_options=SMALL).eval()
    features = model.encoder(torch.rand(1, 3, 64, 96))
    decoded = model.decoder([features[stage] for stage in model.plan.stages])
    assert decoded.shape == (1, 32, 32, 48)
    classify = model.head.classifiers["logits"]
    after = classify(segzoo.nn.resize(decoded, (64, 96)))
    assert torch.allclose(segzoo.nn.resize(classify(decoded), (64, 96)), after, atol=1e-5)


def test_mla_s_deepest_stream_reaches_all_others():
    decoder = segzoo.create_model(synthetic("plain_vit"), "setr_mla", classes=4, decoder_options=SMALL).decoder.eval()
    maps = [torch.rand(1, 32, 4, 4, requires_grad=True) for _ in range(4)]
    heard = []
    for stream in decoder.streams:
        stream.register_forward_hook(lambda module, given, made: heard.append(made))
    decoder([torch.rand(1, 3, 64, 64), *maps])
    reached = [[torch.autograd.grad(made.sum(), each, retain_graph=True, allow_unused=True)[0] is not None
                for each in maps] for made in heard]  # fmt: skip
    assert reached == [[source >= stream for source in range(4)] for stream in range(4)]
