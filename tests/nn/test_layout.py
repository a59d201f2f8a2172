import pytest
import torch

from segzoo.nn import add_maps, channels_last, channels_last_to_train
from segzoo.nn.layout import channels_last_to_infer


def is_channels_last(tensor):
    return tensor.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("channels", [0, 3, 16, 33])
@pytest.mark.parametrize("size", [(5, 7), (1, 1), (1, 7)])
def test_the_layout_changes_and_the_numbers_do_not(size, channels, dtype):
    feature = torch.rand(2, channels, *size, dtype=dtype)
    found = channels_last(feature)
    assert torch.equal(found, feature)
    assert is_channels_last(found)


@pytest.mark.parametrize(("convert", "learning"), [(channels_last_to_train, True), (channels_last_to_infer, False)])
def test_each_is_for_its_mode_alone(convert, learning):
    feature = torch.rand(2, 3, 5, 7)
    with torch.set_grad_enabled(learning):
        assert is_channels_last(convert(feature))
    with torch.set_grad_enabled(not learning):
        assert convert(feature) is feature


def test_a_gradient_passes():
    feature = torch.rand(2, 3, 5, 7, requires_grad=True)
    channels_last(feature).square().sum().backward()
    assert torch.equal(feature.grad, 2 * feature)


def test_a_gradient_s_gradient_passes():
    assert torch.autograd.gradgradcheck(channels_last, torch.rand(1, 3, 2, 2, dtype=torch.float64, requires_grad=True))


def test_functional_transforms_pass():
    feature, tangent = torch.rand(2, 3, 5, 7), torch.rand(2, 3, 5, 7)
    assert torch.equal(torch.func.grad(lambda each: channels_last(each).square().sum())(feature), 2 * feature)
    assert torch.equal(torch.func.jvp(channels_last, (feature,), (tangent,))[1], tangent)


def test_another_device_keeps_its_layout():
    feature = torch.empty(2, 3, 5, 7, device="meta")
    assert channels_last(feature) is feature


def test_a_graph_that_is_traced_keeps_its_layout():
    class Module(torch.nn.Module):
        def forward(self, feature):
            return channels_last(feature) + 1

    graph = torch.export.export(Module(), (torch.rand(2, 3, 5, 7),)).graph
    assert [node.target.__name__ for node in graph.nodes if node.op == "call_function"] == ["add.Tensor"]


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_maps_are_added_whatever_their_layouts(layout, learning):
    feature = channels_last(torch.rand(2, 33, 5, 7))
    other = torch.rand(2, 33, 5, 7).contiguous(memory_format=layout)
    with torch.set_grad_enabled(learning):
        found = add_maps(feature, other)
    assert torch.equal(found, feature + other)
    assert is_channels_last(found)


@torch.no_grad()
def test_a_sum_of_types_is_of_the_wider():
    feature = torch.rand(2, 3, 5, 7, dtype=torch.bfloat16)
    assert add_maps(feature, torch.rand(2, 3, 5, 7)).dtype == torch.float32
