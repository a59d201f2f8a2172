"""Timm's plain transformers, whose blocks a decoder may drive."""

import pytest
import torch

import segzoo
from segzoo.testing import checks
from segzoo_timm.known import known_architectures

SIZE = (97, 131)
DRIVABLE = [name for name, entry in known_architectures().items() if entry["blocks"]]
TINY = {"depth": 4, "embed_dim": 64, "num_heads": 2}
KINDS = {  # an architecture of each kind of blocks and positions
    "vit_tiny_patch16_224": TINY,
    "deit_tiny_distilled_patch16_224": TINY,
    "vit_small_patch14_reg4_dinov2": TINY,
    "vit_small_patch16_dinov3": TINY,
    "eva02_tiny_patch14_224": TINY,
    "vit_small_patch16_rope_mixed_224": TINY,
    "vit_small_patch16_rope_224": TINY,
}
OF_OTHER_KINDS = [
    "vit_tiny_r_s16_p8_224",
    "vitamin_small_224",
    "aimv2_large_patch14_224",
    "vit_pe_core_tiny_patch16_384",
]
DRIVING = [check for check in checks("encoder") if check.name in ("driven", "unattended_tokens")]


def test_the_blocks_of_271_architectures_can_be_driven():
    assert len(DRIVABLE) == 271


@pytest.mark.parametrize(
    "encoder",
    [
        *("resnet18", "beit_base_patch16_224"),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("swin_tiny_patch4_window7_224", "xcit_nano_12_p16_224")
        ),
    ],
)
def test_those_of_others_cannot(encoder):
    assert known_architectures()[encoder]["blocks"] == 0
    assert segzoo.plan(encoder, "fpn").encoder_spec.blocks == 0


@pytest.mark.parametrize("check", DRIVING, ids=str)
@pytest.mark.parametrize("encoder", KINDS)
def test_driven_they_do_what_they_do_by_themselves(encoder, check):
    check(encoder, options=KINDS[encoder])


@pytest.mark.slow
@pytest.mark.parametrize("check", DRIVING, ids=str)
@pytest.mark.parametrize("encoder", OF_OTHER_KINDS)
def test_other_kinds_do_so_too(encoder, check):
    check(encoder)


@pytest.mark.slow
def test_the_final_norm_is_kept_for_a_decoder_that_drives():
    driven = segzoo.create_model("vit_tiny_patch16_224", "eomt", classes=3).encoder
    assert isinstance(driven.body.norm, torch.nn.LayerNorm)
    assert not dict(
        segzoo.create_model("vit_tiny_patch16_224", "linear", classes=3).encoder.body.norm.named_parameters()
    )


def test_the_norm_of_a_model_that_averages_its_tokens_is_kept_too():
    encoder = segzoo.create_model("eva02_tiny_patch14_224", "eomt", classes=3).encoder
    tokens = 5 + torch.randn(1, 4, 192)
    torch.testing.assert_close(encoder.norm(tokens).mean(-1), torch.zeros(1, 4), atol=1e-5, rtol=0)


def test_one_encoder_serves_decoders_with_more_and_fewer_queries():
    first = segzoo.create_model("vit_small_patch16_dinov3", "eomt", classes=3, encoder_options=TINY).eval()
    image = torch.rand(1, 3, 64, 64)
    before = first(image)
    segzoo.create_model(first.encoder, "eomt", classes=3, decoder_options={"queries": 7})
    assert torch.equal(first(image), before)


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", DRIVABLE)
def test_every_one_plans_with_a_decoder_that_drives(encoder):
    plan = segzoo.plan(encoder, "eomt", classes=5)
    assert plan.encoder_spec.blocks == known_architectures()[encoder]["blocks"]
    assert plan.request.tokens >= 2


@pytest.mark.slow
@pytest.mark.parametrize("encoder", [*KINDS, *OF_OTHER_KINDS])
def test_a_kind_trains(encoder):
    model = segzoo.create_model(encoder, "eomt", classes=5, encoder_options=KINDS.get(encoder, {})).train()
    masks, classes, earlier = model(torch.rand(2, 3, *SIZE), queries=True)
    assert len(earlier) == model.plan.request.tokens
    (masks.square().mean() + classes.square().mean()).backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []
