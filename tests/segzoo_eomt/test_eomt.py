import pytest
import torch
import transformers
from foreign import disturb
from importing import import_checkpoint
from torch import nn

import segzoo
from segzoo.losses import MaskLoss, segments_of
from segzoo_eomt.masking import attention_mask
from segzoo_transformers.importer import TransformersImporter

TINY = {
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "image_size": 64,
    "num_blocks": 2,
    "num_queries": 7,
    "num_labels": 5,
}
SWIGLU = {"use_swiglu_ffn": True}
LARGER_PATCHES = {"patch_size": 14, "image_size": 56, "num_upscale_blocks": 1}


def dinov2(**settings):
    config = transformers.EomtConfig(**TINY | {"mlp_ratio": 2} | settings)
    return transformers.EomtForUniversalSegmentation(config)


def dinov3(**settings):
    config = transformers.EomtDinov3Config(
        **TINY | {"intermediate_size": 128, "layer_norm_eps": 1e-5, "pos_embed_rescale": None} | settings
    )
    return transformers.EomtDinov3ForUniversalSegmentation(config)


PEERS = {
    "dinov2": dinov2,
    "dinov3": dinov3,
    "swiglu": lambda: dinov2(**SWIGLU),
    "patches of 14": lambda: dinov2(**LARGER_PATCHES),
    "no registers": lambda: dinov2(num_register_tokens=0),
}


@pytest.fixture(params=PEERS)
def pair(request, tmp_path):
    """A peer with random weights, and the model with the same ones."""
    torch.manual_seed(0)
    peer = disturb(PEERS[request.param]())
    peer.set_attn_implementation("eager")  # torch's takes no masks of float32 with queries of float64
    nn.init.normal_(peer.query.weight)
    peer.save_pretrained(tmp_path)
    return peer, import_checkpoint(TransformersImporter(), tmp_path).double()


def predictions_of(peer, image):
    """All that a peer predicts, first to last."""
    found = []
    predict = peer.predict
    peer.predict = lambda tokens: found.append(predict(tokens)) or found[-1]
    peer(image)
    peer.predict = predict
    return found


def image_for(peer, batch=2):
    side = peer.config.image_size
    return torch.randn(batch, 3, side, side, dtype=torch.float64, requires_grad=True)


def assert_alike(ours, theirs):
    scale = float(theirs.detach().abs().max())
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6 * scale)


def test_masks_and_classes_are_transformers(pair):
    peer, model = pair
    peer.double().eval().attn_mask_probs.zero_()
    image = image_for(peer)
    (expected,) = predictions_of(peer, image)
    got = model.queries(image)
    assert got.earlier == ()
    for ours, theirs in zip(got[:2], expected, strict=True):
        assert_alike(ours, theirs)


def test_in_training_each_prediction_and_its_gradients_are_transformers(pair):
    peer, model = pair
    peer.double().train()
    model.train()
    image = image_for(peer)
    expected = predictions_of(peer, image)
    got = model.queries(image)
    pairs = [*got.earlier, got[:2]]
    assert len(pairs) == len(expected) == 3
    weights = [[torch.randn_like(each) for each in pair] for pair in expected]
    gradients = []
    for predictions, module in ((pairs, model), (expected, peer)):
        loss = sum(
            (each * weight).sum()
            for pair, scales in zip(predictions, weights, strict=True)
            for each, weight in zip(pair, scales, strict=True)
        )
        query = model.decoder.queries if module is model else peer.query.weight
        last = model.encoder.body.blocks[-1].norm1.weight if module is model else peer.layers[-1].norm1.weight
        gradients.append(torch.autograd.grad(loss, [image, query, last]))
    for ours, theirs in zip(pairs, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert_alike(one, other)
    for ours, theirs in zip(*gradients, strict=True):
        assert_alike(ours, theirs)


COUNTS = [
    ("vit_small_patch14_reg4_dinov2", 133, 200, 640, 23_975_942),
    ("vit_base_patch14_reg4_dinov2", 133, 200, 640, 93_663_110),
    ("vit_large_patch14_reg4_dinov2", 133, 200, 640, 316_695_686),
    ("vit_large_patch14_reg4_dinov2", 150, 100, 512, 316_020_887),
    ("vit_giant_patch14_reg4_dinov2", 133, 200, 640, 1_163_622_022),
    ("vit_small_patch16_dinov3_qkvb", 133, 200, 640, 23_356_934),
    ("vit_base_patch16_dinov3_qkvb", 133, 200, 640, 92_425_094),
    ("vit_large_patch16_dinov3_qkvb", 133, 200, 640, 315_032_710),
    ("vit_large_patch16_dinov3_qkvb", 150, 100, 512, 314_947_735),
]
BLOCKS = {"small": 3, "base": 3, "large": 4, "giant": 5}


@pytest.mark.parametrize(
    ("encoder", "classes", "queries", "side", "parameters"),
    [pytest.param(*each, marks=() if "small" in each[0] else pytest.mark.slow) for each in COUNTS],
)
def test_it_has_as_many_parameters_as_the_papers_models(encoder, classes, queries, side, parameters):
    dinov2 = {"img_size": (side, side), "encoder_options": {"patch_size": 16}} if "dinov2" in encoder else {}
    plan = segzoo.plan(encoder, "eomt", classes=classes, decoder_options={"queries": queries}, **dinov2)
    assert plan.encoder.parameters + plan.decoder.parameters == parameters
    assert plan.request.tokens == BLOCKS[encoder.split("_")[1]]


def closed_form(width, classes, queries, upscales):
    upscale = 4 * width**2 + width + 9 * width + 2 * width
    return upscales * upscale + 3 * (width**2 + width) + queries * width + (width + 1) * (classes + 1)


@pytest.mark.parametrize(
    ("encoder", "width", "upscales"), [("vit_tiny_patch16_224", 192, 2), ("vit_small_patch8_224", 384, 1)]
)
def test_the_decoder_is_queries_heads_and_upscaling_alone(encoder, width, upscales):
    plan = segzoo.plan(encoder, "eomt", classes=19)
    assert plan.decoder.parameters == closed_form(width, 19, 100, upscales)


def tiny(encoder="vit_tiny_patch16_224", depth=4, **arguments):
    own = {"depth": depth, "embed_dim": 64, "num_heads": 2} if depth else {}
    return segzoo.create_model(
        encoder, "eomt", classes=5, encoder_options=own, **{"decoder_options": {"queries": 7}} | arguments
    )


def test_an_image_of_any_size_is_segmented():
    model = tiny().eval()
    image = torch.rand(1, 3, 97, 131)
    assert model(image).shape == (1, 5, 97, 131)
    assert model.queries(image).masks.shape == (1, 7, 112 // 4, 144 // 4)


def test_patches_of_14_pixels_give_masks_of_a_seventh():
    assert tiny("vit_small_patch14_dinov2").eval().queries(torch.rand(1, 3, 56, 70)).masks.shape == (1, 7, 8, 10)


def test_a_batch_of_images_is_each_of_them_alone():
    model, image = tiny("vit_small_patch16_dinov3_qkvb").eval(), torch.rand(2, 3, 64, 48)
    torch.testing.assert_close(model(image)[1:], model(image[1:]), rtol=1e-4, atol=1e-5)


def test_eval_mode_masks_nothing_however_far_the_training_got():
    model, image = tiny().eval(), torch.rand(1, 3, 64, 64)
    before = model(image)
    model.decoder.anneal(1.0)
    assert torch.equal(model(image), before)


def probabilities(progress, blocks=4):
    model = tiny(decoder_options={"blocks": blocks})
    model.decoder.anneal(progress)
    return model.decoder.probabilities.tolist()


def test_masking_begins_with_all_and_ends_with_nothing():
    assert probabilities(0.0) == [1, 1, 1, 1]
    assert probabilities(0.16) == [1, 1, 1, 1]
    assert probabilities(0.84) == [0, 0, 0, 0]
    assert probabilities(1.0) == [0, 0, 0, 0]


def test_masking_fades_block_by_block():
    assert probabilities(2.5 / 6) == pytest.approx([0, 0.5**0.9, 1, 1], abs=1e-5)


def test_training_that_masks_nothing_runs_as_eval_mode_does():
    model, image = tiny(), torch.rand(2, 3, 64, 64)
    model.decoder.anneal(1.0)
    torch.testing.assert_close(model.train().queries(image).masks, model.eval().queries(image).masks)


def test_annealing_is_no_part_of_what_is_saved():
    assert not any("probabilities" in name for name in tiny().state_dict())


def test_a_query_attends_to_patches_within_its_mask_alone():
    logits = torch.full((1, 7, 4, 4), -1.0)
    logits[0, 3, 0, 0] = 9.0
    allowed = attention_mask(logits, torch.tensor(1.0), (4, 4), prefix=1)[0, 0]
    assert allowed.shape == (24, 24)
    assert allowed[7:].all()
    assert allowed[:, :8].all()
    assert allowed[:7, 8:].nonzero().tolist() == [[3, 0]]


@pytest.mark.parametrize("encoder", ["resnet18", "swin_tiny_patch4_window7_224", "mit_b0"])
def test_an_encoder_whose_blocks_cannot_be_driven_is_refused_with_decoders_that_fit(encoder):
    with pytest.raises(segzoo.NegotiationError, match=r"offers none.*decoders that take this encoder:.*pmd"):
        segzoo.plan(encoder, "eomt")


def test_more_blocks_than_there_are_is_refused():
    with pytest.raises(segzoo.NegotiationError, match=r"last 13 .*offers 12 blocks"):
        segzoo.plan("vit_tiny_patch16_224", "eomt", decoder_options={"blocks": 13})


@pytest.mark.parametrize("encoder", ["vit_tiny_patch16_224", "vit_small_patch16_dinov3_qkvb"])
def test_one_step_reaches_every_weight(encoder):
    model = tiny(encoder).train()
    target = torch.randint(5, (61, 50))
    queries = model(torch.rand(2, 3, 61, 50), queries=True)
    assert len(queries.earlier) == 2
    loss = MaskLoss(**model.decoder.mask_loss)(queries, [segments_of(target)] * 2, (64, 64))
    loss.backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []
    assert all(weight.grad.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize("encoder", ["vit_tiny_patch16_224", "vit_small_patch16_dinov3_qkvb"])
def test_recomputing_blocks_changes_no_gradient(encoder):
    model, image = tiny(encoder).train(), torch.rand(2, 3, 64, 64)
    gradients = []
    for recomputed in (False, True):
        model.set_grad_checkpointing(recomputed)
        model.zero_grad()
        masks, classes, _ = model.queries(image)
        (masks.square().mean() + classes.square().mean()).backward()
        gradients.append([weight.grad.clone() for weight in model.parameters()])
    torch.testing.assert_close(*gradients)


def test_a_saved_model_answers_the_same(tmp_path):
    model, image = tiny("vit_small_patch16_dinov3_qkvb").eval(), torch.rand(1, 3, 64, 64)
    model.save_pretrained(tmp_path / "saved")
    assert torch.equal(segzoo.from_pretrained(tmp_path / "saved").eval()(image), model(image))


@pytest.mark.slow
def test_export_is_right_at_another_size():
    model, step = tiny().eval(), torch.export.Dim.DYNAMIC
    shapes = ({0: step, 2: step, 3: step},)
    program = torch.export.export(model, (torch.rand(2, 3, 97, 131),), dynamic_shapes=shapes)
    image = torch.rand(3, 3, 79, 150)
    torch.testing.assert_close(program.module()(image), model(image), rtol=1e-4, atol=1e-4)
