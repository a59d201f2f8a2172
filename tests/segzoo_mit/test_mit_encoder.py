import pytest
import torch
from transformers import SegformerConfig, SegformerModel

import segzoo
from segzoo_mit.encoder import MixTransformer
from segzoo_mit.index import VARIANTS

SMALL = ((16, 32, 40, 64), (1, 1, 2, 1))


def shapes(features):
    return [tuple(feature.shape) for feature in features]


@pytest.mark.parametrize("name", VARIANTS)
def test_parameter_count_is_that_of_transformers(name):
    channels, blocks = VARIANTS[name]
    with torch.device("meta"):
        encoder = MixTransformer(channels, blocks)
        reference = SegformerModel(SegformerConfig(hidden_sizes=list(channels), depths=list(blocks)))
    assert sum(p.numel() for p in encoder.parameters()) == reference.num_parameters()


def test_b0_has_the_published_parameter_count():
    with torch.device("meta"):
        encoder = MixTransformer(*VARIANTS["mit_b0"])
    assert sum(p.numel() for p in encoder.parameters()) == 3_319_392


def test_b3_with_two_channels_gives_the_shapes_of_the_contract():
    with torch.device("meta"):
        features = MixTransformer(*VARIANTS["mit_b3"], in_channels=2)(torch.empty(1, 2, 512, 512))
    assert shapes(features) == [
        (1, 2, 512, 512),
        (1, 0, 256, 256),
        (1, 64, 128, 128),
        (1, 128, 64, 64),
        (1, 320, 32, 32),
        (1, 512, 16, 16),
    ]


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "mit_b0" else [pytest.mark.slow]) for name in VARIANTS]
)
def test_spec_agrees_with_the_measured_shapes(name, depth):
    with torch.device("meta"):
        encoder = MixTransformer(*VARIANTS[name], depth=depth)
        features = encoder(torch.empty(2, 3, 97, 131))
    spec = encoder.spec
    assert spec.depth == depth
    assert shapes(features) == [(2, c, *spec.size(i, (97, 131))) for i, c in enumerate(spec.channels)]


def test_deeper_stages_are_not_built():
    encoder = MixTransformer(*SMALL, depth=3)
    assert len(encoder.stages) == 2


def test_a_shallower_encoder_computes_the_same_maps():
    whole = MixTransformer(*SMALL).eval()
    shallow = MixTransformer(*SMALL, depth=3).eval()
    shallow.load_state_dict({key: value for key, value in whole.state_dict().items() if key in shallow.state_dict()})
    image = torch.randn(1, 3, 64, 96)
    torch.testing.assert_close(shallow(image), whole(image)[:4])


@pytest.mark.parametrize("depth", [0, 1, 6, "5"])
def test_an_impossible_depth_is_refused(depth):
    with pytest.raises(segzoo.OptionError, match="from 2 to 5"):
        MixTransformer(*SMALL, depth=depth)


def test_stochastic_depth_grows_linearly():
    encoder = MixTransformer(*SMALL, drop_path_rate=0.2)
    rates = [block.drop_path.drop_prob for stage in encoder.stages for block in stage.blocks]
    assert rates == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])


def test_stochastic_depth_acts_in_training_only():
    encoder = MixTransformer(*SMALL, drop_path_rate=0.9)
    image = torch.randn(4, 3, 64, 64)
    assert not torch.equal(encoder.train()(image)[-1], encoder(image)[-1])
    assert torch.equal(encoder.eval()(image)[-1], encoder(image)[-1])


@pytest.mark.parametrize("depth", [2, 5])
def test_the_gradient_reaches_every_parameter(depth):
    encoder = MixTransformer(*SMALL, depth=depth, drop_path_rate=0.0).train()
    encoder(torch.randn(1, 3, 97, 131))[-1].sub(1).square().mean().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # softmax doesn't see what is added to all keys, so a key's bias has the gradient zero
        assert name.endswith("key.bias") or parameter.grad.any(), name


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (28, 28), (29, 29)])
def test_tiny_images_give_finite_maps_of_the_declared_size(size):
    encoder = MixTransformer(*SMALL)
    features = encoder(torch.randn(1, 3, *size))
    assert shapes(features) == [(1, c, *encoder.spec.size(i, size)) for i, c in enumerate(encoder.spec.channels)]
    assert all(feature.isfinite().all() for feature in features)


def test_entry_0_is_the_image():
    image = torch.randn(1, 4, 32, 32)
    assert MixTransformer(*SMALL, in_channels=4)(image)[0] is image


def test_a_channels_last_image_gives_the_same_maps():
    encoder = MixTransformer(*SMALL).eval()
    image = torch.randn(2, 3, 64, 96)
    torch.testing.assert_close(
        encoder(image.to(memory_format=torch.channels_last)), encoder(image), rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
def test_exported_for_any_size_it_computes_the_same_maps():
    encoder = MixTransformer(*SMALL).eval()
    height, width = torch.export.Dim("height", min=64, max=1024), torch.export.Dim("width", min=64, max=1024)
    exported = torch.export.export(
        encoder, (torch.randn(1, 3, 97, 131),), dynamic_shapes=({2: height, 3: width},)
    ).module()
    image = torch.randn(1, 3, 70, 200)
    torch.testing.assert_close(exported(image), encoder(image))


@pytest.mark.slow
def test_the_training_forward_compiles_without_a_graph_break():
    compiled = torch.compile(MixTransformer(*SMALL, drop_path_rate=0.0).train(), backend="aot_eager", fullgraph=True)
    image = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(compiled(image), compiled._orig_mod(image))


def test_initial_weights_have_the_published_spread():
    block = MixTransformer(*VARIANTS["mit_b0"]).stages[3].blocks[0]
    assert block.ffn.expand.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert block.ffn.depthwise.weight.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.05)
    assert not block.ffn.depthwise.bias.any()
    assert not block.attention.query.bias.any()
