import pytest
import torch
from torch import nn

import segzoo
from segzoo.losses import MaskLoss, segments_of
from segzoo_eomt.pmd import Adapter
from segzoo_eomt.positions import RotaryPositions, rotate

VIT = "vit_tiny_patch16_224"
TINY = {"depth": 4, "embed_dim": 64, "num_heads": 2}


def tiny(encoder=VIT, **arguments):
    own = {"encoder_options": TINY} if isinstance(encoder, str) and encoder.startswith("vit") else {}
    options = {"queries": 7, "blocks": 2}
    return segzoo.create_model(encoder, "pmd", classes=5, decoder_options=options, **own | arguments)


@pytest.mark.parametrize(
    ("encoder", "parameters"),
    [
        ("vit_small_patch16_224", 7_692_038),
        pytest.param("vit_base_patch16_224", 30_424_454, marks=pytest.mark.slow),
        pytest.param("vit_large_patch16_224", 53_935_238, marks=pytest.mark.slow),
    ],
)
def test_it_has_as_many_parameters_as_the_papers(encoder, parameters):
    assert segzoo.plan(encoder, "pmd", classes=133, decoder_options={"queries": 200}).decoder.parameters == parameters


def test_it_takes_four_maps_with_the_class_token():
    plan = segzoo.plan(VIT, "pmd")
    assert len(plan.stages) == 4
    assert plan.request.prefix == "concat"


@pytest.mark.parametrize("encoder", ["resnet18", "mit_b0"])
def test_a_pyramid_gives_its_deepest_map(encoder):
    plan = segzoo.plan(encoder, "pmd")
    assert len({plan.spec.strides[stage] for stage in plan.stages}) == 1
    assert plan.decoder_options["width"] == 384
    assert "the deepest stride alone" in str(plan)


def test_an_image_of_any_size_is_segmented():
    model = tiny().eval()
    image = torch.rand(1, 3, 97, 131)
    assert model(image).shape == (1, 5, 97, 131)
    assert model.queries(image).masks.shape == (1, 7, 112 // 4, 144 // 4)


def test_training_predicts_before_each_block():
    assert len(tiny().train().queries(torch.rand(2, 3, 64, 64)).earlier) == 2


def test_the_batch_norm_takes_the_place_of_the_final_norms_weights():
    torch.manual_seed(0)
    adapter, norm = Adapter(8, 8).double().train(), nn.LayerNorm(8).double()
    nn.init.uniform_(norm.weight, 0.5, 2.0)
    nn.init.normal_(norm.bias)
    tokens = torch.randn(2, 9, 8, dtype=torch.float64)
    normed = norm(tokens).transpose(1, 2)
    expected = nn.functional.batch_norm(normed, None, None, training=True).transpose(1, 2)
    expected = expected + adapter.mlp(expected)
    torch.testing.assert_close(adapter(tokens), expected, rtol=1e-4, atol=1e-4)


def test_what_is_rotated_attends_by_the_distance_alone():
    rotary = RotaryPositions(16).eval()
    sines, cosines = rotary(torch.zeros(1), (4, 4))
    query, key = (torch.randn(1, 1, 1, 16).expand(-1, -1, 16, -1) for _ in range(2))
    products = (rotate(query, (sines, cosines)) @ rotate(key, (sines, cosines)).transpose(-1, -2))[0, 0]
    torch.testing.assert_close(products[0, 5], products[10, 15])
    torch.testing.assert_close(products[1, 2], products[9, 10])


def test_tokens_before_the_patches_are_not_rotated():
    tokens = torch.randn(1, 2, 3 + 4, 16)
    rotated = rotate(tokens, RotaryPositions(16).eval()(tokens, (2, 2)))
    assert torch.equal(rotated[:, :, :3], tokens[:, :, :3])
    assert not torch.isclose(rotated[:, :, 3:], tokens[:, :, 3:]).all()


def test_two_models_share_one_frozen_encoder():
    first = tiny()
    first.freeze_encoder()
    second = tiny(first.encoder)
    assert second.encoder is first.encoder
    image = torch.rand(2, 3, 64, 64)
    for model in (first, second):
        masks, classes, _ = model.train().queries(image)
        (masks.square().mean() + classes.square().mean()).backward()
        assert all(weight.grad is not None for weight in model.decoder.parameters())
    assert all(weight.grad is None for weight in first.encoder.parameters())


def test_one_step_reaches_every_weight():
    model = tiny().train()
    target = torch.randint(5, (61, 50))
    queries = model(torch.rand(2, 3, 61, 50), queries=True)
    MaskLoss(**model.decoder.mask_loss)(queries, [segments_of(target)] * 2, (64, 64)).backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_a_batch_of_one_pixel_trains():
    masks = tiny().train().queries(torch.rand(1, 3, 16, 16)).masks
    assert masks.isfinite().all()
