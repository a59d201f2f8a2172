import pytest
import torch
from query_parity import SIZES, STAGES, maps
from smp_parity import parameters
from synthetic import PATTERNS, synthetic
from torch import nn

import segzoo
from segzoo.losses import MaskLoss, segments_of
from segzoo_pem.decoder import PEMDecoder
from segzoo_pem.deformable_conv import DeformableConv
from segzoo_pem.pixel_decoder import PixelDecoder
from segzoo_pem.prototypes import HEADS, PrototypeAttention, nearest

TINY = {"width": 64, "pixel_width": 32, "queries": 7, "layers": 4, "hidden": 48}
UNSEEN = ((24, 40), (12, 20), (6, 10), (3, 5))


def tiny():
    torch.manual_seed(0)
    return PEMDecoder(STAGES, classes=5, **TINY)


@pytest.mark.parametrize(("classes", "expected"), [(150, 35_566_248), (19, 35_532_581)])
def test_it_has_as_many_parameters_as_its_authors(classes, expected):
    """Theirs, counted in closed form: 35.57 M on ResNet-50 with 150 classes, 35.53 M with 19."""
    with torch.device("meta"):
        model = segzoo.create_model("resnet50", PEMDecoder, classes=classes)
    assert parameters(model) == expected


def test_its_parts_have_as_many_as_its_authors():
    with torch.device("meta"):
        decoder = PEMDecoder(segzoo.FeatureSpec((256, 512, 1024, 2048), (4, 8, 16, 32)), classes=150)
    heads = parameters(decoder.transformer.classify) + parameters(decoder.transformer.embed_masks)
    counts = (parameters(decoder.pixel_decoder), parameters(decoder.transformer) - heads, heads)
    assert counts == (2_178_001, 9_644_032, 236_183)


def test_deformable_convolution_is_torchvision_s():
    ops = pytest.importorskip("torchvision.ops")
    torch.manual_seed(0)
    ours = DeformableConv(6, 5).double()
    nn.init.normal_(ours.places.weight, std=0.5)
    nn.init.normal_(ours.places.bias, std=3.0)  # beyond the border too
    features = torch.randn(2, 6, 7, 9, dtype=torch.float64, requires_grad=True)
    offsets, weights = ours.places(features).split([18, 9], dim=1)
    weight = ours.conv.weight.unflatten(1, (6, 3, 3)).squeeze()
    expected = ops.deform_conv2d(features, offsets, weight, padding=1, mask=weights.sigmoid())
    got = ours(features)
    torch.testing.assert_close(got, expected)
    wanted = (features, *ours.parameters())
    scale = torch.randn_like(got)
    gradients = [torch.autograd.grad((each * scale).sum(), wanted, retain_graph=True) for each in (got, expected)]
    torch.testing.assert_close(*gradients)


def test_deformable_convolution_starts_as_an_ordinary_one_of_half_the_weight():
    torch.manual_seed(0)
    deformable, features = DeformableConv(6, 5), torch.randn(2, 6, 7, 9)
    weight = deformable.conv.weight.unflatten(1, (6, 3, 3)).squeeze()
    expected = nn.functional.conv2d(features, weight / 2, padding=1)
    torch.testing.assert_close(deformable(features), expected)


def test_in_each_head_the_prototype_is_the_allowed_key_that_is_most_like_the_query():
    torch.manual_seed(0)
    queries, keys = torch.randn(2, 5, 4 * HEADS), torch.randn(2, 30, 4 * HEADS)
    mask = torch.rand(2, 5, 30) < 0.3
    got = nearest(queries, keys, mask).unflatten(-1, (HEADS, 4))
    for image, query, head in ((image, query, head) for image in (0, 1) for query in range(5) for head in range(HEADS)):
        part = slice(4 * head, 4 * head + 4)
        allowed = keys[image, mask[image, query], part]
        expected = allowed[(allowed @ queries[image, query, part]).argmax()]
        assert torch.equal(got[image, query, head], expected)


def test_what_no_query_may_look_at_changes_nothing():
    torch.manual_seed(0)
    attend = PrototypeAttention(16).eval()
    attend.mix = nn.Identity()  # which would let neighbours in
    queries, level = torch.randn(1, 3, 16), torch.randn(1, 16, 4, 5)
    mask = torch.ones(1, 3, 20, dtype=torch.bool)
    mask[..., :10] = False
    other = level.clone()
    other[:, :, :2] = 100.0
    assert torch.equal(attend(queries, level, mask), attend(queries, other, mask))


def test_levels_come_coarse_to_fine_and_pixels_are_as_fine_as_the_finest_map():
    torch.manual_seed(0)
    levels, pixels = PixelDecoder(STAGES.channels, 16, 24)(maps(dtype=torch.float32))
    assert [tuple(level.shape) for level in levels] == [(2, 16, *size) for size in reversed(SIZES[1:])]
    assert pixels.shape == (2, 24, *SIZES[0])


def test_in_eval_mode_the_last_prediction_alone_is_given():
    decoder, features = tiny(), maps(dtype=torch.float32)
    assert len(decoder.train()(features).earlier) == TINY["layers"]
    masks, classes, earlier = decoder.eval()(features)
    assert (masks.shape, classes.shape, earlier) == ((2, 7, *SIZES[0]), (2, 7, 6), ())


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_step_reaches_every_parameter_at_an_odd_size(pattern):
    torch.manual_seed(0)
    model = segzoo.create_model(synthetic(pattern), PEMDecoder, classes=3, decoder_options=TINY).train()
    target = torch.randint(3, (79, 65))
    queries = model(torch.rand(1, 3, 79, 65), queries=True)
    criterion = MaskLoss(**PEMDecoder.mask_loss, points=100)
    loss = criterion(queries, [segments_of(target)], model.plan.input_spec.padded((79, 65)))
    loss.backward()
    assert loss.isfinite()
    assert all(each.grad is not None and each.grad.isfinite().all() for each in model.decoder.parameters())


def test_coarser_masks_than_the_paper_s_are_noted():
    assert segzoo.plan(synthetic("mit"), PEMDecoder).notes == ()
    assert "stride 16" in segzoo.plan(synthetic("levit"), PEMDecoder).notes[0]


def test_an_encoder_without_a_map_from_stride_4_on_is_refused():
    with pytest.raises(segzoo.NegotiationError, match="from stride 4 on"):
        segzoo.plan(synthetic("one_stage"), PEMDecoder)


@pytest.mark.parametrize("options", [{"width": 48}, {"pixel_width": 0}, {"queries": 0}, {"layers": 0}, {"hidden": 0}])
def test_what_it_cannot_be_built_with_is_refused(options):
    with pytest.raises(segzoo.OptionError, match=next(iter(options))):
        segzoo.plan(synthetic("mit"), PEMDecoder, decoder_options=options)


def test_its_embeddings_do_not_decay():
    decoder = tiny()
    assert decoder.no_weight_decay() <= set(decoder.state_dict())


@pytest.mark.slow
@torch.no_grad()
def test_it_exports_and_runs_in_onnx_runtime_at_sizes_that_were_not_traced():
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    decoder = tiny().eval()
    for grow in decoder.pixel_decoder.grow:  # else it samples in place
        nn.init.normal_(grow.deform.places.weight, std=0.1)
    dynamic = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    program = torch.export.export(decoder, (maps(dtype=torch.float32),), dynamic_shapes=([dynamic] * len(SIZES),))
    model = torch.onnx.export(program, dynamo=True, verbose=False).model_proto
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [each.name for each in session.get_inputs()]
    for sizes, batch in ((UNSEEN, 1), (((16, 12), (8, 6), (4, 3), (2, 2)), 3)):
        features = maps(sizes, batch, torch.float32)
        expected = decoder(features)[:2]
        torch.testing.assert_close(tuple(program.module()(features)[:2]), expected, rtol=1e-3, atol=1e-3)
        got = session.run(None, {name: each.numpy() for name, each in zip(names, features, strict=True)})
        torch.testing.assert_close(tuple(map(torch.tensor, got)), expected, rtol=1e-3, atol=1e-3)
