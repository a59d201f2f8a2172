"""The operator against its plain form: cat, interpolate, conv2d."""

from functools import partial

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConcatConv2d, ConcatConvNormAct, Linear2d

MODES = [("nearest", False), ("bilinear", False), ("bilinear", True), ("bicubic", False)]
every_mode = pytest.mark.parametrize(("mode", "align_corners"), MODES)


def plain(operator, maps, size):
    """What the operator says that it computes, written out."""
    corners = operator.align_corners if operator.mode == "bilinear" else None
    resized = [F.interpolate(each, size, mode=operator.mode, align_corners=corners) for each in maps if each.shape[1]]
    return F.conv2d(torch.cat(resized, dim=1), operator.weight, operator.bias, padding=operator.padding)


def gradients(result, inputs):
    torch.manual_seed(1)
    return torch.autograd.grad((result * torch.randn(result.shape, dtype=result.dtype)).sum(), inputs)


def assert_equals_plain(operator, maps, size, linears=None):
    operator, maps = operator.double(), [each.double().requires_grad_() for each in maps]
    given, made = maps, maps
    if linears is not None:
        pairs = [
            (linear if each.shape[1] else lambda each, *_: each, each)
            for linear, each in zip(linears, maps, strict=True)
        ]
        given, made = [partial(*pair) for pair in pairs], [linear(each) for linear, each in pairs]
    result, expected = operator(given, size), plain(operator, made, size)
    assert result.shape == expected.shape
    assert (result - expected).abs().max() < 1e-10
    with torch.no_grad():
        assert (operator(given, size) - expected).abs().max() < 1e-10
    learnt = [*operator.parameters(), *(nn.ModuleList(linears).parameters() if linears else [])]
    inputs = [*learnt, *(each for each in maps if each.shape[1])]
    for got, wanted in zip(gradients(result, inputs), gradients(expected, inputs), strict=True):
        assert (got - wanted).abs().max() < 1e-10


sizes = st.tuples(st.integers(1, 17), st.integers(1, 17))


@st.composite
def mixtures(draw):
    """A size, and one to five maps: of that size, of half of it (doubled, then), of any other, or without channels."""
    height, width = size = draw(sizes)
    halves = st.sampled_from([size, ((height + 1) // 2, (width + 1) // 2)])
    shapes = draw(st.lists(st.tuples(st.integers(0, 4), st.one_of(halves, sizes)), min_size=1, max_size=5))
    if not any(channels for channels, _ in shapes):
        shapes[0] = (1, shapes[0][1])
    return size, shapes


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    mixture=mixtures(),
    kernel=st.sampled_from([1, 3]),
    mode=st.sampled_from(MODES),
    bias=st.booleans(),
    out=st.integers(1, 3),
    batch=st.integers(1, 2),
)
def test_it_equals_the_plain_form_forward_and_backward(mixture, kernel, mode, bias, out, batch):
    size, shapes = mixture
    torch.manual_seed(0)
    maps = [torch.randn(batch, channels, *each) for channels, each in shapes]
    operator = ConcatConv2d([c for c, _ in shapes], out, kernel, bias=bias, mode=mode[0], align_corners=mode[1])
    assert_equals_plain(operator, maps, size)


@settings(max_examples=50, deadline=None)
@given(mixture=mixtures(), mode=st.sampled_from(MODES), bias=st.booleans())
def test_linear_layers_before_it_change_nothing_but_the_cost(mixture, mode, bias):
    size, shapes = mixture
    torch.manual_seed(0)
    maps = [torch.randn(2, channels, *each) for channels, each in shapes]
    widths = [2 * (channels > 0) for channels, _ in shapes]
    operator = ConcatConv2d(widths, 3, 1, mode=mode[0], align_corners=mode[1])
    linears = [Linear2d(c, 2, bias=bias).double() if c else nn.Identity() for c, _ in shapes]
    assert_equals_plain(operator, maps, size, linears)


@every_mode
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("size", [(32, 48), (31, 47)])
def test_it_equals_the_plain_form_where_the_maps_are_large_enough_for_every_way(kernel, mode, align_corners, size):
    torch.manual_seed(0)
    grids = [size, (16, 24), (8, 12), (4, 6), (64, 96)]
    operator = ConcatConv2d([8, 64, 64, 0, 5], 6, kernel, mode=mode, align_corners=align_corners)
    maps = [torch.randn(1, c, *grid) for c, grid in zip(operator.split, grids, strict=True)]
    assert_equals_plain(operator, maps, size)


@every_mode
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("channels", [(1, 1, 1), (24, 40, 64)])
def test_it_equals_the_plain_form_in_float32_too(kernel, mode, align_corners, channels):
    torch.manual_seed(0)
    operator = ConcatConv2d(channels, 16, kernel, mode=mode, align_corners=align_corners)
    maps = [torch.randn(2, c, *grid) for c, grid in zip(channels, [(32, 48), (16, 24), (8, 12)], strict=True)]
    torch.testing.assert_close(operator(maps, (32, 48)), plain(operator, maps, (32, 48)), rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(operator(maps, (32, 48)), plain(operator, maps, (32, 48)), rtol=1e-4, atol=1e-4)


def test_its_state_dict_is_that_of_the_plain_convolution():
    operator, convolution = ConcatConv2d([4, 0, 3], 5, 3), nn.Conv2d(7, 5, 3)
    assert {k: v.shape for k, v in operator.state_dict().items()} == {
        k: v.shape for k, v in convolution.state_dict().items()
    }
    operator.load_state_dict(convolution.state_dict())
    assert torch.equal(operator.weight, convolution.weight)


def test_it_starts_from_the_weights_of_the_plain_convolution():
    torch.manual_seed(0)
    operator = ConcatConv2d([4, 3], 5, 3)
    torch.manual_seed(0)
    assert torch.equal(operator.weight, nn.Conv2d(7, 5, 3).weight)


def test_a_placeholder_may_have_any_size():
    operator = ConcatConv2d([2, 0], 3, 3)
    maps = [torch.randn(1, 2, 4, 4), torch.empty(1, 0, 9, 7)]
    torch.testing.assert_close(operator(maps, (8, 8)), operator([*maps[:1], torch.empty(1, 0, 1, 1)], (8, 8)))


@pytest.mark.parametrize(("in_channels", "kernel"), [([0, 0], 3), ([], 1), ([4], 2)])
def test_nothing_to_convolve_or_an_even_kernel_is_refused(in_channels, kernel):
    with pytest.raises(segzoo.OptionError, match="one channel or more and an odd kernel"):
        ConcatConv2d(in_channels, 3, kernel)


def test_no_map_is_kept_for_the_backward_pass_but_those_given():
    kept = set()
    operator = ConcatConv2d([8, 8, 8], 4)
    maps = [torch.randn(2, 8, side, side, requires_grad=True) for side in (64, 32, 48)]

    def keep(tensor):
        kept.add(tensor.untyped_storage().data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        operator(maps, (64, 64))
    assert kept == {each.untyped_storage().data_ptr() for each in [operator.weight, *maps]}


class Decoding(nn.Module):
    """The operator with maps that grow twofold, fourfold and not at all."""

    def __init__(self, kernel, mode, align_corners):
        super().__init__()
        self.kernel = kernel
        self.linears = nn.ModuleList(Linear2d(4, 4) for _ in range(3))
        self.fuse = ConcatConvNormAct([4, 4, 4], 6, kernel, mode=mode, align_corners=align_corners)

    def forward(self, fine, middle, coarse):
        pairs = zip(self.linears, [coarse, middle, fine], strict=True)
        maps = [partial(*pair) if self.kernel == 1 else pair[0](pair[1]) for pair in pairs]
        return self.fuse(maps, fine.shape[-2:])


def maps_of(height, width):
    return tuple(torch.randn(1, 4, height // s, width // s) for s in (1, 2, 4))


@every_mode
@pytest.mark.parametrize("kernel", [1, 3])
def test_it_exports_for_any_size(kernel, mode, align_corners):
    model = Decoding(kernel, mode, align_corners).eval()
    height, width = torch.export.Dim("height", min=2, max=512), torch.export.Dim("width", min=2, max=512)
    sides = [{2: s * height, 3: s * width} for s in (4, 2, 1)]
    program = torch.export.export(model, maps_of(32, 48), dynamic_shapes=sides)
    other = maps_of(64, 16)
    torch.testing.assert_close(program.module()(*other), model(*other))


def test_where_sizes_are_symbols_of_a_known_ratio_the_doubled_form_is_taken():
    class Growing(nn.Module):
        def __init__(self):
            super().__init__()
            self.shrink = nn.Conv2d(3, 4, 3, stride=2, padding=1)
            self.fuse = ConcatConv2d([4, 3], 5, 3, mode="nearest")

        def forward(self, image):
            height, width = image.shape[-2:]
            image = image[..., : 32 * (height // 32), : 32 * (width // 32)]  # nothing is cut off: the graph is told
            return self.fuse([self.shrink(image), image], image.shape[-2:])

    sides = {2: 32 * torch.export.Dim("height", max=64), 3: 32 * torch.export.Dim("width", max=64)}
    model = Growing().eval()
    program = torch.export.export(model, (torch.rand(1, 3, 64, 96),), dynamic_shapes=(sides,))
    called = [str(node.target) for node in program.graph.nodes]
    assert "aten.pixel_shuffle.default" in called
    assert not any("upsample" in each for each in called)
    image = torch.rand(1, 3, 128, 32)
    torch.testing.assert_close(program.module()(image), model(image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kernel", "mode"), [(1, "bilinear"), (3, "nearest")])
@pytest.mark.parametrize("dynamic", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_it_compiles_without_a_graph_break(kernel, mode, dynamic):
    torch._dynamo.reset()
    model = Decoding(kernel, mode, align_corners=False).train()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True, dynamic=dynamic)
    maps = maps_of(64, 48)
    torch.testing.assert_close(compiled(*maps), model(*maps), rtol=1e-4, atol=1e-4)
    compiled(*maps).sum().backward()
    assert model.fuse.conv.weight.grad.isfinite().all()


@pytest.mark.parametrize("kernel", [1, 3])
def test_it_runs_in_mixed_precision(kernel):
    model = Decoding(kernel, "bilinear", False).train()
    maps = maps_of(32, 48)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model(*maps)
    assert (mixed - model(*maps)).abs().mean() < 0.05
    mixed.float().sum().backward()
