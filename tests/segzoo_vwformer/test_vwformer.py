import pytest
import torch
from synthetic import PATTERNS, synthetic

import segzoo
from segzoo_vwformer.attention import CrossAttention, VaryingWindowAttention


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_map_finer_than_stride_8_is_low_level_and_the_rest_aggregated(pattern):
    plan = segzoo.plan(synthetic(pattern), "vwformer")
    strides = plan.spec.select(plan.stages).strides
    assert len(plan.stages) <= 4
    assert [role == "low-level" for role in plan.roles] == [stride < 8 for stride in strides[:-1]] + [False]


@pytest.mark.parametrize("pattern", ["levit", "few"])
def test_the_plan_says_that_the_low_level_enhancement_is_left_out(pattern):
    assert (
        "vwformer: no map finer than stride 8, so no low-level enhancement"
        in segzoo.plan(synthetic(pattern), "vwformer").notes
    )


@pytest.mark.parametrize("ratio", [1, 2, 3, 4, 8])
def test_contexts_are_centred_on_their_windows_and_shifted_inside_at_the_border(ratio):
    attention = VaryingWindowAttention(576, heads=1, window=4, ratio=ratio)
    contexts = attention._contexts(40, torch.empty(0))
    assert contexts.shape == (10, 4 * ratio)
    for window, context in enumerate(contexts.tolist()):
        assert context == list(range(context[0], context[0] + 4 * ratio))
        centred = 4 * window - (4 * ratio - 4) // 2
        assert context[0] == min(max(centred, 0), 40 - 4 * ratio)


def test_a_map_smaller_than_the_context_is_repeated():
    attention = VaryingWindowAttention(64, heads=1, window=4, ratio=4)
    assert attention._contexts(6, torch.empty(0))[0].tolist() == [*range(6), *range(6), *range(4)]


def test_every_pixel_is_in_one_window():
    attention = VaryingWindowAttention(64, heads=1, window=8, ratio=2)
    assert attention._windows(19, torch.empty(0)).flatten()[:19].tolist() == list(range(19))


@pytest.mark.parametrize("size", [(16, 16), (11, 21), (3, 5)])
def test_the_attention_keeps_the_size(size):
    attention = VaryingWindowAttention(64, heads=4, window=8, ratio=2).eval()
    assert attention(torch.rand(2, 64, *size)).shape == (2, 64, *size)


def test_a_pixel_reaches_the_context_and_no_further():
    torch.manual_seed(0)
    attention = VaryingWindowAttention(16, heads=1, window=4, ratio=2).eval()
    features = torch.rand(1, 16, 4, 40, requires_grad=True)
    attention(features)[0, :, 1, 17].sum().backward()  # the window of columns 16 to 19, its context 14 to 21
    reached = features.grad.abs().sum(dim=(0, 1, 2)).nonzero().flatten().tolist()
    assert reached == list(range(14, 23))  # the embedding of two pixels reaches one further


def test_context_costs_the_same_at_every_ratio():
    sizes = {
        ratio: VaryingWindowAttention(64, heads=4, window=8, ratio=ratio).attention.in_proj_weight.shape
        for ratio in (1, 2, 4, 8)
    }
    assert len(set(sizes.values())) == 1


@pytest.mark.slow
def test_the_attention_is_exported_for_every_size():
    attention = VaryingWindowAttention(16, heads=2, window=4, ratio=2).eval()
    sizes = {2: torch.export.Dim("height", min=5, max=512), 3: torch.export.Dim("width", min=5, max=512)}
    program = torch.export.export(attention, (torch.rand(2, 16, 10, 14),), dynamic_shapes=(sizes,))
    features = torch.rand(2, 16, 8, 21)
    assert torch.allclose(program.module()(features), attention(features), atol=1e-5)


def test_the_attention_is_that_of_torch():
    ours, peer = CrossAttention(64, heads=8), torch.nn.MultiheadAttention(64, 8, batch_first=True)
    peer.load_state_dict(ours.state_dict())
    query, context = torch.rand(3, 5, 64), torch.rand(3, 7, 64)
    assert torch.allclose(ours(query, context), peer(query, context, context)[0], atol=1e-6)
