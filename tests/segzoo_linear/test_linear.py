import pytest
import torch
from smp_parity import parameters
from synthetic import PATTERNS, synthetic

import segzoo


@pytest.mark.parametrize("blocks", [1, 4])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_last_maps_are_probed(pattern, blocks):
    plan = segzoo.plan(synthetic(pattern), "linear", decoder_options={"blocks": blocks})
    assert plan.stages == tuple(stage for stage in plan.spec.native if stage > 0)[-blocks:]


def test_fewer_maps_than_asked_for_are_noted():
    assert (
        "linear: blocks=4, and the encoder has 3"
        in segzoo.plan(synthetic("levit"), "linear", decoder_options={"blocks": 4}).notes
    )


@pytest.mark.parametrize(
    ("options", "channels"),
    [({}, 192), ({"blocks": 4}, 4 * 192), ({"class_token": True}, 2 * 192), ({"blocks": 2, "class_token": True}, 768)],
)
def test_it_learns_a_batch_norm_and_one_weight_per_class_and_channel(options, channels):
    with torch.device("meta"):
        model = segzoo.create_model("vit_tiny_patch16_224", "linear", classes=150, decoder_options=options)
    assert parameters(model) - parameters(model.encoder) == 2 * channels + 150 * (channels + 1)


def test_a_frozen_encoder_leaves_the_probe_to_learn():
    model = segzoo.create_model(synthetic("plain_vit"), "linear", classes=4)
    model.freeze_encoder()
    learnt = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert learnt == 2 * 32 + 4 * (32 + 1)


def test_a_convolutional_encoder_is_wished_to_be_dilated_to_stride_8():
    assert segzoo.plan("resnet18", "linear").request.output_stride == 8
    options = {"output_stride": None}
    assert segzoo.plan("resnet18", "linear", decoder_options=options).request.output_stride is None


def test_a_transformer_of_one_resolution_is_taken_as_it_is():
    plan = segzoo.plan("vit_tiny_patch16_224", "linear")
    assert (plan.request.output_stride, plan.refusals, plan.notes) == (None, (), ())
