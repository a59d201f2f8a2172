"""A decoder that drives the last blocks of an encoder: what both agree on, and how the model runs them."""

import pytest
import torch
from driver import DEPTH, QUERIES, Driver, plain_transformer
from synthetic import synthetic

import segzoo

IMAGE = torch.rand(2, 3, 37, 50)


def model_of(**arguments):
    return segzoo.create_model(plain_transformer(), Driver, classes=3, **arguments).eval()


def test_the_plan_says_how_many_blocks_the_decoder_drives():
    plan = segzoo.plan(plain_transformer(), Driver)
    assert plan.request.tokens == 2
    assert "the decoder drives the encoder's last 2 blocks" in str(plan)
    assert segzoo.Plan.from_dict(plan.to_dict()) == plan


def test_the_encoder_halts_before_the_last_blocks():
    model = model_of()
    tokens = model.encoder.halt(torch.rand(1, 3, 32, 48), 2)
    assert list(tokens.remaining) == [DEPTH - 2, DEPTH - 1]
    assert (tokens.grid, tokens.prefix, tokens.size) == ((2, 3), 1, (32, 48))
    assert tokens.tokens.shape == (1, 1 + 2 * 3, 32)


def test_driving_all_blocks_gives_what_the_encoder_gives():
    encoder, image = model_of().encoder, torch.rand(1, 3, 32, 48)
    halted = encoder.halt(image, encoder.spec.blocks)
    tokens = halted.tokens
    for number in halted.remaining:
        tokens = halted.block(number, tokens)
    assert torch.equal(tokens[:, 1:].transpose(1, 2).unflatten(2, halted.grid), encoder(image)[-1])


def test_logits_have_the_images_size():
    assert model_of()(IMAGE).shape == (2, 3, 37, 50)


def test_queries_cover_the_padded_image():
    masks, classes, earlier = model_of().queries(IMAGE)
    assert masks.shape == (2, QUERIES, 3, 4)
    assert classes.shape == (2, QUERIES, 4)
    assert earlier == ()


def test_decoding_what_was_halted_is_the_forward():
    model, image = model_of(), torch.rand(2, 3, 32, 48)
    assert torch.equal(model.decode(model.encoder.halt(image, 2)), model(image))


def test_all_weights_of_both_learn():
    model = segzoo.create_model(plain_transformer(), Driver, classes=3)
    queries = model(IMAGE, queries=True)
    (queries.masks.square().mean() + queries.classes.square().mean()).backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


def test_the_blocks_stay_the_encoders():
    names = dict(model_of().named_parameters())
    assert {name for name in names if ".blocks." in name} == {name for name in names if "encoder.blocks." in name}


def test_an_encoder_without_the_capability_is_refused_with_decoders_that_fit():
    with pytest.raises(segzoo.NegotiationError, match=r"lets it drive none.*decoders that take this encoder:.*fpn"):
        segzoo.plan(synthetic("resnet"), Driver)


def test_an_encoder_that_declares_the_capability_and_lacks_it_is_caught():
    class Boaster(segzoo.Encoder):
        def __init__(self, in_channels=3):
            super().__init__(segzoo.FeatureSpec((in_channels, 0, 4), (1, 2, 4), blocks=9))
            self.conv = torch.nn.Conv2d(in_channels, 4, 4, 4)

        def forward(self, image):
            return self.complete(image, {2: self.conv(image)})

    with pytest.raises(segzoo.ContractError, match=r"9 blocks.*no segzoo\.TokenEncoder"):
        segzoo.plan(Boaster, Driver)


def test_a_neck_hides_the_blocks():
    with pytest.raises(segzoo.NegotiationError, match="lets it drive none"):
        segzoo.plan(plain_transformer(), Driver, neck="simple_pyramid")


def test_auxiliary_heads_have_no_maps_then():
    with pytest.raises(segzoo.OptionError, match="drives the encoder's last blocks"):
        segzoo.plan(plain_transformer(), Driver, auxiliary=[4])


def test_another_decoder_gets_maps():
    assert segzoo.plan(plain_transformer(), "fpn").request.tokens is None


def test_a_wish_for_no_block_is_a_contract_error():
    with pytest.raises(segzoo.ContractError, match="1 block or more"):
        segzoo.Selection(stages=(4,), tokens=0)


def test_a_decoder_without_queries_says_so():
    model = segzoo.create_model(synthetic("resnet"), "fpn", classes=3)
    with pytest.raises(segzoo.OptionError, match="has no queries"):
        model.queries(torch.rand(2, 3, 32, 48))


@pytest.mark.slow
def test_export_is_right_at_another_size():
    model, dynamic = model_of(), torch.export.Dim.DYNAMIC
    program = torch.export.export(model, (IMAGE,), dynamic_shapes=({0: dynamic, 2: dynamic, 3: dynamic},))
    image = torch.rand(3, 3, 75, 41)
    torch.testing.assert_close(program.module()(image), model(image))


@pytest.mark.slow
def test_compiled_it_has_no_breaks():
    model = model_of()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(IMAGE), model(IMAGE))
