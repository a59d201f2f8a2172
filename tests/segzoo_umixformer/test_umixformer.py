import pytest
import torch
from synthetic import synthetic
from torch.nn import functional as F

import segzoo
from segzoo_umixformer.decoder import MixLayer, Mixture, heads_of

B0 = (32, 64, 160, 256)


def layer(channels, mixed, projected):
    """Parameters of a stage: two norms, mixture, attention, feed-forward network of four times the width."""
    mixture = sum(each * each + each for each in projected) + 2 * mixed
    attention = 2 * (channels**2 + channels) + 2 * (mixed * channels + channels)
    hidden = 4 * channels
    feed_forward = 2 * channels * hidden + hidden + channels + (9 + 1) * hidden
    return 4 * channels + mixture + attention + feed_forward


def test_it_has_the_parameters_that_its_layers_have():
    plan = segzoo.plan("mit_b0", "umixformer", classes=150)
    assert plan.decoder.parameters == sum(layer(each, sum(B0), B0[:-1]) for each in B0) + sum(B0) * 128 + 2 * 128


def test_with_mit_b0_it_has_as_many_as_the_paper_says():
    plan = segzoo.plan("mit_b0", "umixformer", classes=150)
    whole = plan.encoder.parameters + plan.decoder.parameters + 128 * 150 + 150
    unused = len(B0) * (sum(B0) ** 2 + sum(B0))  # a convolution in each stage of the authors' code that nothing calls
    assert f"{(whole + unused) / 1e6:.1f}" == "6.1"


@pytest.mark.parametrize(
    ("channels", "head_width", "heads"), [(256, 32, 8), (320, 64, 5), (32, 64, 1), (7, 32, 1), (100, 32, 1)]
)
def test_heads_share_out_the_channels(channels, head_width, heads):
    assert heads_of(channels, head_width) == heads


def test_a_stage_asks_the_encoder_s_finer_maps_and_what_is_decoded_of_the_coarser():
    decoder = segzoo.create_model(synthetic("mit"), "umixformer", classes=3, decoder_options={"width": 8}).decoder
    features = [
        torch.rand(1, channels, 32 // stride, 64 // stride)
        for channels, stride in zip(decoder.stages.channels, decoder.stages.strides, strict=True)
    ]
    first, second, third, fourth = features
    layers = decoder.eval().layers
    decoded_4 = layers[3](fourth, [first, second, third, fourth])
    decoded_3 = layers[2](third, [first, second, third, decoded_4])
    decoded_2 = layers[1](second, [first, second, decoded_3, decoded_4])
    decoded_1 = layers[0](first, [first, decoded_2, decoded_3, decoded_4])
    expected = decoder.fuse([decoded_1, decoded_2, decoded_3, decoded_4], first.shape[-2:])
    torch.testing.assert_close(decoder(features), expected)


def test_keys_and_values_are_all_maps_pooled_to_the_size_of_the_deepest():
    mix, maps = Mixture([3, 4]), [torch.rand(2, 3, 8, 12), torch.rand(2, 4, 4, 6)]
    pooled = F.conv2d(F.avg_pool2d(maps[0], 2), mix.projects[0].weight, mix.projects[0].bias)
    joined = torch.cat([pooled, maps[1]], dim=1)
    expected = F.layer_norm(joined.permute(0, 2, 3, 1), (7,), eps=1e-6).permute(0, 3, 1, 2)
    torch.testing.assert_close(mix(maps), expected)


def test_a_stage_is_attention_and_a_feed_forward_network_with_shortcuts():
    layer, maps = MixLayer(4, [4, 6], heads=2, expansion=2), [torch.rand(2, 4, 8, 12), torch.rand(2, 6, 4, 6)]
    queries, mixture = layer.norm(maps[0]), layer.mix(maps).flatten(2).mT
    asked = {layer.attend.query: queries.flatten(2).mT, layer.attend.key: mixture, layer.attend.value: mixture}
    query, key, value = (linear(each).view(2, -1, 2, 2).transpose(1, 2) for linear, each in asked.items())
    weights = (query @ key.mT / 2**0.5).softmax(dim=-1)
    attended = layer.attend.output((weights @ value).transpose(1, 2).reshape(2, -1, 4)).mT.view(2, 4, 8, 12)
    normed = layer.feed_forward_norm(queries + attended)
    torch.testing.assert_close(layer(maps[0], maps), normed + layer.feed_forward(normed))
