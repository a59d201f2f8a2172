"""The blocks that decoders of queries share."""

import pytest
import torch
from torch import nn

from segzoo.nn import MLP, Attention, DeformableAttention, attention_mask, cell_centres, sine_positions

SIZES = [(3, 5), (6, 9), (11, 18)]
UNSEEN = [(3, 4), (7, 5), (13, 10)]


class Pyramid(nn.Module):
    """All blocks in turn, on three maps of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.deform = DeformableAttention(32, heads=4)
        nn.init.normal_(self.deform.offsets.weight)
        self.attend = Attention(32, heads=4)
        self.embed = MLP(32, 16, 32)
        self.queries = nn.Parameter(torch.randn(1, 5, 32))

    def forward(self, maps):
        sizes = [each.shape[-2:] for each in maps]
        tokens = torch.cat([each.flatten(2).transpose(1, 2) for each in maps], dim=1)
        positions = torch.cat([sine_positions(each, 32).flatten(2).transpose(1, 2) for each in maps], dim=1)
        references = torch.cat([cell_centres(each) for each in maps], dim=1)
        tokens = tokens + self.deform(tokens + positions, references, tokens, sizes)
        queries = self.queries.expand(tokens.shape[0], -1, -1)
        masks = torch.einsum("bqc,bchw->bqhw", self.embed(queries), maps[-1])
        coarsest = tokens.split([height * width for height, width in sizes], dim=1)[0]
        return self.attend(queries, coarsest, coarsest, attention_mask(masks, sizes[0]))


def maps(sizes=SIZES, batch=2):
    return [torch.randn(batch, 32, *size) for size in sizes]


@pytest.fixture(scope="module")
def exported():
    torch.manual_seed(0)
    pyramid = Pyramid().eval()
    dynamic = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    return pyramid, torch.export.export(pyramid, (maps(),), dynamic_shapes=([dynamic] * 3,))


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (12, 5)])
def test_positions_are_those_of_detr(size):
    mask2former = pytest.importorskip("transformers.models.mask2former.modeling_mask2former")
    features = torch.rand(2, 8, *size)
    peer = mask2former.Mask2FormerSinePositionEmbedding(16, normalize=True)
    expected = peer(features.shape, features.device, features.dtype)[:1]
    torch.testing.assert_close(sine_positions(features, 32), expected)


def test_positions_in_half_precision_are_rounded_once():
    features = torch.rand(1, 8, 90, 120)
    rounded = sine_positions(features.bfloat16(), 32)
    assert torch.equal(rounded, sine_positions(features, 32).bfloat16())


def test_centres_are_where_a_map_is_sampled_without_a_change():
    features = torch.rand(1, 4, 5, 7)
    grid = 2 * cell_centres(features)[:, None] - 1
    sampled = nn.functional.grid_sample(features, grid, align_corners=False)
    torch.testing.assert_close(sampled[:, :, 0], features.flatten(2))


def deformable_peer():
    mask2former = pytest.importorskip("transformers.models.mask2former.modeling_mask2former")
    ours = DeformableAttention(32, heads=4).double()
    peer = mask2former.Mask2FormerPixelDecoderEncoderMultiscaleDeformableAttention(32, 4, 3, 4).double()
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    names = {"offsets": "sampling_offsets", "weights": "attention_weights", "value": "value_proj"}
    names["output"] = "output_proj"
    for own, theirs in names.items():
        peer.get_submodule(theirs).load_state_dict(ours.get_submodule(own).state_dict())
    return ours, peer


def test_deformable_attention_is_transformers_forward_and_backward():
    torch.manual_seed(0)
    ours, peer = deformable_peer()
    cells = sum(height * width for height, width in SIZES)
    queries, values = (torch.randn(2, cells, 32, dtype=torch.float64, requires_grad=True) for _ in range(2))
    references = torch.rand(1, cells, 2, dtype=torch.float64)
    got = ours(queries, references, values, SIZES)
    expected, _ = peer(
        queries,
        encoder_hidden_states=values,
        reference_points=references[:, :, None].expand(2, -1, 3, -1),
        spatial_shapes_list=SIZES,
    )
    torch.testing.assert_close(got, expected)
    weights = torch.randn_like(got)
    gradients = (torch.autograd.grad((each * weights).sum(), (queries, values)) for each in (got, expected))
    torch.testing.assert_close(*gradients)


def test_at_first_a_head_looks_into_its_direction_one_cell_further_at_each_point():
    directions = DeformableAttention(32).offsets.bias.detach().unflatten(0, (8, 3, 4, 2))
    torch.testing.assert_close(directions[1, 0], torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]]))
    assert torch.equal(directions.abs().amax(dim=-1), torch.arange(1.0, 5).expand(8, 3, 4))


def test_deformable_attention_in_half_precision_stays_near():
    torch.manual_seed(0)
    ours = DeformableAttention(32, heads=4)
    features = torch.rand(1, 32, 90, 120)
    tokens, references = features.flatten(2).transpose(1, 2), cell_centres(features)
    sizes = [(30, 40), (30, 40), (70, 120)]
    expected = ours(tokens, references, tokens, sizes)
    ours, tokens = ours.bfloat16(), tokens.bfloat16()
    got = ours(tokens, references, tokens, sizes)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), expected, rtol=5e-2, atol=5e-2)


def test_attention_is_torch_s():
    torch.manual_seed(0)
    ours, peer = Attention(32, heads=4), nn.MultiheadAttention(32, 4, batch_first=True)
    with torch.no_grad():
        peer.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        peer.out_proj.load_state_dict(ours.output.state_dict())
    queries, keys, values = torch.rand(2, 5, 32), torch.rand(2, 7, 32), torch.rand(2, 7, 32)
    mask = torch.rand(2, 5, 7) > 0.4
    expected, _ = peer(queries, keys, values, attn_mask=~mask.repeat_interleave(4, dim=0), need_weights=False)
    torch.testing.assert_close(ours(queries, keys, values, mask), expected)


def test_attention_starts_as_torch_s():
    """Xavier's bound of the three matrices in one."""
    bound = (6 / (4 * 256)) ** 0.5
    weight = Attention(256, heads=8).key.weight
    assert 0.98 * bound <= weight.abs().max() <= bound


def test_a_query_may_attend_within_its_mask():
    logits = torch.tensor([[[[-1.0, 2.0], [0.0, -3.0]]]])
    assert attention_mask(logits, (2, 2)).tolist() == [[[False, True, True, False]]]


def test_a_query_whose_mask_is_empty_may_attend_to_all():
    logits = torch.stack([torch.full((2, 2), -1.0), torch.full((2, 2), torch.nan)])[None]
    assert attention_mask(logits, (4, 4)).all()


def test_no_gradient_flows_through_a_mask():
    logits = torch.rand(1, 2, 4, 4, requires_grad=True)
    assert not attention_mask(logits, (2, 2)).requires_grad


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_layers_have_an_activation_between_each_two(layers):
    kinds = [type(each) for each in MLP(8, 4, 2, layers)]
    assert kinds == [nn.Linear, *[nn.ReLU, nn.Linear] * (layers - 1)]


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("sizes", [UNSEEN, [(1, 2), (2, 3), (4, 6)]])
def test_the_blocks_export_with_dynamic_sizes(sizes, batch, exported):
    pyramid, program = exported
    unseen = maps(sizes, batch)
    torch.testing.assert_close(program.module()(unseen), pyramid(unseen), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_blocks_compile_into_one_graph():
    torch.manual_seed(0)
    pyramid, features = Pyramid(), maps()
    compiled = torch.compile(pyramid, fullgraph=True, backend="eager", dynamic=True)
    torch.testing.assert_close(compiled(features), pyramid(features))


@pytest.mark.slow
def test_the_blocks_run_in_onnx_runtime_at_sizes_that_were_not_traced(exported):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    pyramid, program = exported
    model = torch.onnx.export(program, dynamo=True, verbose=False).model_proto
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for sizes, batch in ((UNSEEN, 1), (SIZES, 3)):
        unseen = maps(sizes, batch)
        names = [each.name for each in session.get_inputs()]
        (got,) = session.run(None, {name: each.numpy() for name, each in zip(names, unseen, strict=True)})
        torch.testing.assert_close(torch.tensor(got), pyramid(unseen), rtol=1e-4, atol=1e-4)
