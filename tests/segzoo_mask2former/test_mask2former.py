import pytest
import torch
from foreign import disturb
from query_parity import CHANNELS, STAGES, assert_same_predictions, load_renamed, maps
from smp_parity import parameters
from synthetic import PATTERNS, synthetic
from torch import nn

import segzoo
from segzoo_mask2former.decoder import Mask2FormerDecoder
from segzoo_transformers.mask2former import DECODER

TINY = {"width": 64, "queries": 7, "layers": 4, "encoder_layers": 2, "hidden": 96, "encoder_hidden": 80}
LAST_NORM_OF_SWIN = 2 * 768
"""transformers' has one after the last map, which nothing uses."""
OTHER_SIZES = ((24, 40), (12, 20), (6, 10), (3, 5))


def tiny():
    torch.manual_seed(0)
    return Mask2FormerDecoder(STAGES, classes=5, **TINY)


class Peer(nn.Module):
    """transformers' pixel decoder and transformer under the names that they have in a whole model."""

    def __init__(self):
        super().__init__()
        mask2former = pytest.importorskip("transformers.models.mask2former.modeling_mask2former")
        config = mask2former.Mask2FormerConfig(
            feature_size=64,
            mask_feature_size=64,
            hidden_dim=64,
            num_queries=7,
            decoder_layers=5,
            encoder_layers=2,
            dim_feedforward=96,
            encoder_feedforward_dim=80,
        )
        self.model = nn.Module()
        self.model.pixel_level_module = nn.Module()
        self.model.pixel_level_module.decoder = mask2former.Mask2FormerPixelDecoder(config, CHANNELS)
        self.model.transformer_module = mask2former.Mask2FormerTransformerModule(64, config)
        self.class_predictor = nn.Linear(64, 6)
        nn.init.normal_(self.model.pixel_level_module.decoder.level_embed)

    def forward(self, features):
        pixels = self.model.pixel_level_module.decoder(features)
        found = self.model.transformer_module(list(pixels.multi_scale_features), pixels.mask_features)
        classes = [self.class_predictor(each.transpose(0, 1)) for each in found.intermediate_hidden_states]
        return list(zip(found.masks_queries_logits, classes, strict=True))


@pytest.fixture(scope="module")
def peer():
    torch.manual_seed(0)
    return disturb(Peer()).double()


@pytest.mark.parametrize("sizes", [((25, 33), (13, 17), (7, 9), (4, 5)), ((9, 6), (5, 3), (3, 2), (2, 1))])
def test_all_predictions_and_gradients_are_transformers(sizes, peer):
    decoder, features = tiny().double(), maps(sizes)
    load_renamed(decoder, peer.state_dict(), DECODER)
    assert_same_predictions(decoder.train()(features), peer(features), features)


def test_in_eval_mode_the_last_prediction_alone_is_given_and_the_same():
    decoder, features = tiny(), maps(dtype=torch.float32)
    trained = decoder.train()(features)
    masks, classes, earlier = decoder.eval()(features)
    assert len(trained.earlier) == TINY["layers"]
    assert earlier == ()
    torch.testing.assert_close((masks, classes), (trained.masks, trained.classes))


@pytest.mark.parametrize(
    ("encoder", "classes", "expected"),
    [
        ("resnet50", 150, 44_041_367),
        ("resnet50", 133, 44_036_998),
        ("resnet50", 19, 44_007_700),
        pytest.param("resnet101", 150, 63_033_495, marks=pytest.mark.slow),
        ("swin/swin", 150, 47_441_169 - LAST_NORM_OF_SWIN),
    ],
)
def test_it_has_as_many_parameters_as_transformers(encoder, classes, expected):
    with torch.device("meta"):
        model = segzoo.create_model(encoder, Mask2FormerDecoder, classes=classes)
    assert parameters(model) == expected


@pytest.mark.parametrize("queries", [100, 200])
def test_its_parts_have_as_many_as_transformers(queries):
    with torch.device("meta"):
        decoder = Mask2FormerDecoder(
            segzoo.FeatureSpec((192, 384, 768, 1536), (4, 8, 16, 32)), classes=133, queries=queries
        )
    classifier = parameters(decoder.transformer.classify)
    assert parameters(decoder.pixel_decoder) == 5_790_144
    assert classifier == 34_438
    assert parameters(decoder.transformer) - classifier == {100: 14_458_624, 200: 14_509_824}[queries]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_finest_map_from_stride_4_on_makes_the_masks(pattern):
    model = segzoo.create_model(synthetic(pattern), Mask2FormerDecoder, classes=3, decoder_options=TINY)
    finest, *others = model.plan.roles
    assert finest.startswith("masks")
    assert set(others) <= {"attention"}
    model.train()(torch.rand(1, 3, 79, 65)).mean().backward()
    assert all(parameter.grad is not None for parameter in model.decoder.parameters())


def test_coarser_masks_than_the_paper_s_are_noted():
    assert segzoo.plan(synthetic("mit"), Mask2FormerDecoder).notes == ()
    assert "stride 16" in segzoo.plan(synthetic("levit"), Mask2FormerDecoder).notes[0]


def test_an_encoder_without_a_map_from_stride_4_on_is_refused():
    with pytest.raises(segzoo.NegotiationError, match="from stride 4 on"):
        segzoo.plan(synthetic("one_stage"), Mask2FormerDecoder)


@pytest.mark.parametrize("options", [{"width": 32}, {"width": 100}, {"queries": 0}, {"layers": 0}, {"dropout": 1.0}])
def test_what_it_cannot_be_built_with_is_refused(options):
    with pytest.raises(segzoo.OptionError, match=next(iter(options))):
        segzoo.plan(synthetic("mit"), Mask2FormerDecoder, decoder_options=options)


def test_embeddings_of_the_transformer_do_not_decay():
    decoder = tiny()
    assert decoder.no_weight_decay() <= set(decoder.state_dict())


def test_under_autocast_it_stays_near_where_maps_have_more_than_a_few_cells():
    decoder, features = tiny(), maps(((40, 48), (20, 24), (10, 12), (5, 6)), dtype=torch.float32)
    expected = decoder.eval()(features)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = decoder(features)
        trained = decoder.train()(features)
    for one, other in zip(got[:2], expected[:2], strict=True):
        assert (one.float() - other).norm() <= 0.1 * other.norm()
    trained.masks.float().mean().backward()
    assert all(each.grad.isfinite().all() for each in decoder.parameters() if each.grad is not None)


@pytest.fixture(scope="module")
def exported():
    decoder = tiny().eval()
    dynamic = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    program = torch.export.export(decoder, (maps(dtype=torch.float32),), dynamic_shapes=([dynamic] * 4,))
    return decoder, program


def unseen():
    yield maps(OTHER_SIZES, batch=1, dtype=torch.float32)
    yield maps(((16, 12), (8, 6), (4, 3), (2, 2)), batch=3, dtype=torch.float32)


def assert_near(got, expected):
    for one, other in zip(got[:2], expected[:2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@torch.no_grad()
def test_it_exports_with_dynamic_sizes(exported):
    decoder, program = exported
    for features in unseen():
        assert_near(program.module()(features), decoder(features))


@pytest.mark.exhaustive
@torch.no_grad()
def test_it_runs_in_onnx_runtime_at_sizes_that_were_not_traced(exported):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    decoder, program = exported
    model = torch.onnx.export(program, dynamo=True, verbose=False).model_proto
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [each.name for each in session.get_inputs()]
    for features in unseen():
        got = session.run(None, {name: each.numpy() for name, each in zip(names, features, strict=True)})
        assert_near([torch.tensor(each) for each in got], decoder(features))
