import pytest
import torch
from foreign import disturb
from query_parity import CHANNELS, SIZES, STAGES, assert_same_predictions, load_renamed, maps
from smp_parity import parameters
from synthetic import PATTERNS, synthetic
from torch import nn

import segzoo
from segzoo_maskformer.decoder import MaskFormerDecoder
from segzoo_transformers.maskformer import DECODER

TINY = {"width": 64, "queries": 7, "layers": 3, "hidden": 96}
LAST_NORM_OF_SWIN = 2 * 768
"""transformers' has one after the last map, which nothing uses."""


def tiny(stages=STAGES, **options):
    torch.manual_seed(0)
    return MaskFormerDecoder(stages, classes=5, **TINY | options)


class Peer(nn.Module):
    """transformers' pixel decoder and transformer under the names that they have in a whole model."""

    def __init__(self, deepest=CHANNELS[-1]):
        super().__init__()
        maskformer = pytest.importorskip("transformers.models.maskformer.modeling_maskformer")
        detr = maskformer.MaskFormerDetrConfig(
            d_model=64, num_queries=7, decoder_layers=3, decoder_ffn_dim=96, dropout=0.0
        )
        config = maskformer.MaskFormerConfig(decoder_config=detr, fpn_feature_size=64, mask_feature_size=64)
        self.model = nn.Module()
        self.model.pixel_level_module = nn.Module()
        self.model.pixel_level_module.decoder = maskformer.MaskFormerPixelDecoder(
            in_features=deepest, lateral_widths=CHANNELS[:-1], feature_size=64, mask_feature_size=64
        )
        config.decoder_config = detr
        self.model.transformer_module = maskformer.MaskFormerTransformerModule(deepest, config)
        self.mask_embedder = maskformer.MaskformerMLPPredictionHead(64, 64, 64)
        self.class_predictor = nn.Linear(64, 6)

    def forward(self, features):
        """As in the paper: the norm after each layer, for its prediction alone."""
        decoder, states = self.model.transformer_module.decoder, []
        handles = [
            layer.register_forward_hook(lambda module, inputs, output: states.append(output))
            for layer in decoder.layers
        ]
        self.model.transformer_module(features[-1])
        for handle in handles:
            handle.remove()
        pixels = self.model.pixel_level_module.decoder(features).last_hidden_state
        normed = [decoder.layernorm(each) for each in states]
        return [
            (torch.einsum("bqc,bchw->bqhw", self.mask_embedder(each), pixels), self.class_predictor(each))
            for each in normed
        ]


@pytest.mark.parametrize("sizes", [SIZES, ((9, 6), (5, 3), (3, 2), (2, 1))])
def test_all_predictions_and_gradients_are_transformers(sizes):
    torch.manual_seed(0)
    peer, decoder, features = disturb(Peer()).double(), tiny(dropout=0.0).double(), maps(sizes)
    load_renamed(decoder, peer.state_dict(), DECODER)
    assert_same_predictions(decoder.train()(features), peer(features), features)


def test_a_deepest_map_of_the_queries_width_is_taken_as_it_is():
    torch.manual_seed(0)
    peer = disturb(Peer(deepest=64)).double()
    decoder = tiny(segzoo.FeatureSpec((*CHANNELS[:-1], 64), (4, 8, 16, 32)), dropout=0.0).double()
    load_renamed(decoder, peer.state_dict(), DECODER)
    features = [*maps()[:-1], torch.randn(2, 64, 4, 5, dtype=torch.float64, requires_grad=True)]
    assert_same_predictions(decoder.train()(features), peer(features), features)


def test_in_eval_mode_the_last_prediction_alone_is_given_and_the_same():
    decoder, features = tiny(dropout=0.0), maps(dtype=torch.float32)
    trained = decoder.train()(features)
    masks, classes, earlier = decoder.eval()(features)
    assert len(trained.earlier) == TINY["layers"] - 1
    assert earlier == ()
    torch.testing.assert_close((masks, classes), (trained.masks, trained.classes))


@pytest.mark.parametrize(
    ("encoder", "classes", "expected"),
    [
        ("resnet50", 150, 41_307_863),
        ("resnet50", 133, 41_303_494),
        ("resnet101", 150, 60_299_991),
        ("swin/swin", 150, 41_758_545 - LAST_NORM_OF_SWIN),
    ],
)
def test_it_has_as_many_parameters_as_transformers(encoder, classes, expected):
    with torch.device("meta"):
        model = segzoo.create_model(encoder, MaskFormerDecoder, classes=classes)
    assert parameters(model) == expected


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_queries_attend_to_the_deepest_map(pattern):
    model = segzoo.create_model(synthetic(pattern), MaskFormerDecoder, classes=3, decoder_options=TINY)
    assert model.plan.roles[-1] == "attention"
    model.train()(torch.rand(1, 3, 79, 65)).mean().backward()
    assert all(parameter.grad is not None for parameter in model.decoder.parameters())


def test_an_encoder_without_a_map_from_stride_4_on_is_refused():
    with pytest.raises(segzoo.NegotiationError, match="from stride 4 on"):
        segzoo.plan(synthetic("one_stage"), MaskFormerDecoder)


@pytest.mark.parametrize("options", [{"width": 32}, {"width": 100}, {"queries": 0}, {"layers": 0}])
def test_what_it_cannot_be_built_with_is_refused(options):
    with pytest.raises(segzoo.OptionError, match=next(iter(options))):
        segzoo.plan(synthetic("mit"), MaskFormerDecoder, decoder_options=options)


def test_positions_of_queries_do_not_decay():
    decoder = tiny()
    assert decoder.no_weight_decay() <= set(decoder.state_dict())
