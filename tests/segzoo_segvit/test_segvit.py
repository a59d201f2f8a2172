import pytest
import torch
from query_parity import SIZES, STAGES, maps
from smp_parity import parameters
from synthetic import PATTERNS, synthetic
from torch import nn

import segzoo
from segzoo.losses import MaskLoss, segments_of
from segzoo_segvit.attention_to_mask import AttentionToMask, Layer
from segzoo_segvit.decoder import SegViTDecoder

CLASSES = 5
UNSEEN = ((24, 40), (12, 20), (6, 10), (3, 5))


def tiny(**options):
    torch.manual_seed(0)
    return SegViTDecoder(STAGES, classes=CLASSES, width=64, layers=2, **options)


def three_maps(sizes=SIZES, batch=2):
    return maps(sizes, batch, torch.float32)


def test_it_has_as_many_parameters_as_its_authors():
    """Theirs, counted in closed form: 22,303,255 in the head of ViT-Base with 150 classes."""
    with torch.device("meta"):
        decoder = SegViTDecoder(segzoo.FeatureSpec((768,) * 3, (16,) * 3), classes=150)
    assert parameters(decoder) == 22_303_255


def test_a_layer_is_torch_s_transformer_decoder_layer():
    torch.manual_seed(0)
    ours, peer = Layer(64, 0.0).double(), nn.TransformerDecoderLayer(64, 2, 256, 0.0, batch_first=True).double()
    for attention, theirs in ((ours.attend_queries, peer.self_attn), (ours.attend_cells, peer.multihead_attn)):
        for number, part in enumerate((attention.query, attention.key, attention.value)):
            part.weight.data.copy_(theirs.in_proj_weight.chunk(3)[number])
            part.bias.data.normal_()
            theirs.in_proj_bias.data[64 * number : 64 * (number + 1)] = part.bias.data
        attention.output.load_state_dict(theirs.out_proj.state_dict())
    first, _, second = ours.mlp
    first.load_state_dict(peer.linear1.state_dict())
    second.load_state_dict(peer.linear2.state_dict())
    queries, cells = (torch.randn(2, each, 64, dtype=torch.float64, requires_grad=True) for each in (7, 30))
    got, expected = ours(queries, cells)[0], peer(queries, cells)
    torch.testing.assert_close(got, expected)
    weight = torch.randn_like(got)
    for one, other in zip(
        *(torch.autograd.grad((each * weight).sum(), (queries, cells)) for each in (got, expected)), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_a_mask_is_the_mean_over_heads_of_the_last_layer_s_scores():
    torch.manual_seed(0)
    attend = AttentionToMask(16, 64, layers=1, dropout=0.0)
    features, queries = torch.randn(2, 16, 3, 4), torch.randn(2, CLASSES, 64)
    (layer,) = attend.layers
    cells = attend.norm(attend.project(features.flatten(2).transpose(1, 2)))
    normed = layer.norm1(queries + layer.attend_queries(queries, queries, queries))
    product = layer.attend_cells.query(normed) @ layer.attend_cells.key(cells).transpose(1, 2)  # of all heads
    expected = product.unflatten(-1, (3, 4)) / 32**0.5 / 2
    torch.testing.assert_close(attend(queries, features)[1], expected)


def test_masks_are_summed_at_the_finest_map_from_the_deepest_on():
    decoder, features = tiny(dropout=0.0), three_maps()
    masks, classes, earlier = decoder.train()(features)
    assert masks.shape == (2, CLASSES, *SIZES[0])
    assert classes.shape == (2, CLASSES, CLASSES + 1)
    assert len(earlier) == len(SIZES) - 1
    first = decoder.attention[0](decoder.class_queries.expand(2, -1, -1), features[-1])[1]
    torch.testing.assert_close(earlier[0][0], segzoo.nn.resize(first, SIZES[0]))


def test_in_eval_mode_the_last_prediction_alone_is_given_and_the_same():
    decoder, features = tiny(dropout=0.0), three_maps()
    trained = decoder.train()(features)
    masks, classes, earlier = decoder.eval()(features)
    assert earlier == ()
    torch.testing.assert_close((masks, classes), (trained.masks, trained.classes))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_three_deepest_maps_from_stride_4_on_are_attended_to(pattern):
    plan = segzoo.plan(synthetic(pattern), SegViTDecoder)
    taken = [stage for stage in plan.spec.native if plan.spec.strides[stage] >= 4][-3:]
    assert plan.stages == tuple(taken)
    assert bool(plan.notes) == (not plan.spec.select(taken).isotropic)


@pytest.mark.parametrize("maps", [1, 2, 4])
def test_more_or_fewer_maps_are_attended_to_if_asked(maps):
    plan = segzoo.plan(synthetic("plain_vit"), SegViTDecoder, decoder_options={"maps": maps})
    assert len(plan.stages) == maps


@pytest.mark.parametrize(("channels", "width"), [(768, 384), (1024, 512), (2048, 512), (192, 96), (7, 32)])
def test_it_is_half_as_wide_as_the_widest_map(channels, width):
    with torch.device("meta"):
        decoder = SegViTDecoder(segzoo.FeatureSpec((4, channels), (8, 16)), classes=3)
    assert decoder.class_queries.shape[-1] == width


@pytest.mark.parametrize("options", [{"width": 48}, {"width": 0}, {"layers": 0}, {"maps": 0}, {"dropout": 1.0}])
def test_what_it_cannot_be_built_with_is_refused(options):
    with pytest.raises(segzoo.OptionError, match=next(iter(options))):
        segzoo.plan(synthetic("plain_vit"), SegViTDecoder, decoder_options=options)


@pytest.mark.parametrize("classes", [1, CLASSES])
@pytest.mark.parametrize("pattern", ["plain_vit", "mit"])
def test_a_step_reaches_every_parameter_at_an_odd_size(pattern, classes):
    torch.manual_seed(0)
    model = segzoo.create_model(synthetic(pattern), SegViTDecoder, classes=classes).train()
    target = torch.randint(classes, (79, 65))
    queries = model(torch.rand(1, 3, 79, 65), queries=True)
    loss = MaskLoss(**SegViTDecoder.mask_loss)(queries, [segments_of(target)], model.plan.input_spec.padded((79, 65)))
    loss.backward()
    assert loss.isfinite()
    assert all(each.grad is not None and each.grad.isfinite().all() for each in model.decoder.parameters())


def test_it_answers_semantic_segmentation_alone():
    assert SegViTDecoder.tasks == ("semantic",)


def test_its_queries_do_not_decay():
    decoder = tiny()
    assert decoder.no_weight_decay() <= set(decoder.state_dict())


@pytest.mark.exhaustive
@torch.no_grad()
def test_it_exports_and_runs_in_onnx_runtime_at_sizes_that_were_not_traced():
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    decoder = tiny().eval()
    dynamic = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    program = torch.export.export(decoder, (three_maps(),), dynamic_shapes=([dynamic] * len(SIZES),))
    model = torch.onnx.export(program, dynamo=True, verbose=False).model_proto
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [each.name for each in session.get_inputs()]
    for sizes, batch in ((UNSEEN, 1), (((16, 12), (8, 6), (4, 3), (2, 2)), 3)):
        features = three_maps(sizes, batch)
        expected = decoder(features)[:2]
        torch.testing.assert_close(tuple(program.module()(features)[:2]), expected, rtol=1e-4, atol=1e-4)
        got = session.run(None, {name: each.numpy() for name, each in zip(names, features, strict=True)})
        torch.testing.assert_close(tuple(map(torch.tensor, got)), expected, rtol=1e-4, atol=1e-4)
