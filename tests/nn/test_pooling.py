import pytest
import torch
from torch import nn
from torch.nn import functional as F

from segzoo.nn import MaxPool, PyramidPooling, average_over_grid, average_over_regions


@pytest.mark.parametrize("cells", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 7), (6, 6), (13, 5), (17, 23)])
def test_the_average_is_that_of_adaptive_pooling(cells, size):
    ours = torch.rand(2, 3, *size, dtype=torch.float64, requires_grad=True)
    plain = ours.detach().clone().requires_grad_()
    averages, expected = average_over_grid(ours, cells), F.adaptive_avg_pool2d(plain, cells)
    torch.testing.assert_close(averages, expected)
    weights = torch.rand_like(expected)
    (averages * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, plain.grad)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_half_precision(dtype):
    features = torch.rand(1, 2, 30, 40).to(dtype)
    averages = average_over_grid(features, 3)
    assert averages.dtype == dtype
    torch.testing.assert_close(averages.float(), F.adaptive_avg_pool2d(features.float(), 3), rtol=2e-2, atol=1e-2)


def test_one_map_per_grid_is_of_the_grid_s_size():
    shapes = [each.shape for each in PyramidPooling(8, 4)(torch.rand(2, 8, 5, 7))]
    assert shapes == [(2, 4, 1, 1), (2, 4, 2, 2), (2, 4, 3, 3), (2, 4, 6, 6)]


def test_a_batch_of_one_trains_and_gives_every_parameter_a_gradient():
    torch.manual_seed(0)
    pooling = PyramidPooling(8, 32).train()  # so wide that no branch dies of its ReLU
    sum(each.square().sum() for each in pooling(torch.rand(1, 8, 5, 7))).backward()
    assert all(parameter.grad.isfinite().all() for parameter in pooling.parameters())
    assert all(branch.conv.weight.grad.abs().sum() > 0 for branch in pooling.branches)


def test_the_image_s_average_can_do_without_a_norm():
    image, *others = PyramidPooling(8, 4, image_norm=False).branches
    assert isinstance(image.norm, nn.Identity)
    assert image.conv.bias is not None
    assert all(isinstance(branch.norm, nn.BatchNorm2d) and branch.conv.bias is None for branch in others)


def dynamic_sides(module):
    sides = {2: torch.export.Dim("height", min=3, max=512), 3: torch.export.Dim("width", min=3, max=512)}
    return torch.export.export(module.eval(), (torch.rand(1, 8, 11, 14),), dynamic_shapes=(sides,))


@pytest.mark.parametrize("size", [(6, 6), (17, 23)])
def test_it_exports_with_dynamic_height_and_width(size):
    pooling, features = PyramidPooling(8, 4), torch.rand(1, 8, *size)
    torch.testing.assert_close(dynamic_sides(pooling).module()(features), pooling.eval()(features))


@pytest.mark.parametrize("train", [True, False])
def test_it_compiles_into_one_graph(train):
    pooling, features = PyramidPooling(8, 4).train(train), torch.rand(1, 8, 11, 14)
    compiled = torch.compile(pooling, fullgraph=True, backend="eager", dynamic=True)
    torch.testing.assert_close(compiled(features), pooling(features))


@pytest.mark.slow
def test_it_exports_to_onnx_with_dynamic_height_and_width():
    pytest.importorskip("onnxscript")
    reference = pytest.importorskip("onnx.reference")
    pooling = PyramidPooling(8, 4).eval()
    program = torch.onnx.export(dynamic_sides(pooling), dynamo=True, verbose=False)
    features = torch.rand(1, 8, 17, 23)
    session = reference.ReferenceEvaluator(program.model_proto)
    got = session.run(None, {session.input_names[0]: features.numpy()})
    torch.testing.assert_close([torch.tensor(each) for each in got], pooling(features))


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [(1, 1), (5, 8), (16, 7)])
def test_max_pooling_keeps_the_last_incomplete_window(factor, size):
    features = torch.randn(2, 3, *size)
    expected = F.max_pool2d(features, factor, ceil_mode=True)
    assert torch.equal(MaxPool(factor)(features), expected)


def test_a_grid_may_have_the_size_of_another_map():
    features = torch.rand(2, 3, 17, 23)
    torch.testing.assert_close(average_over_grid(features, (5, 3)), F.adaptive_avg_pool2d(features, (5, 3)))


def test_a_region_is_the_mean_of_its_pixels_where_it_is_certain():
    features, logits = torch.rand(1, 5, 2, 4), torch.full((1, 2, 2, 4), -100.0)
    logits[0, 0, :, :2] = logits[0, 1, :, 2:] = 100
    expected = torch.stack([features[0, :, :, :2].mean(dim=(1, 2)), features[0, :, :, 2:].mean(dim=(1, 2))], dim=1)
    torch.testing.assert_close(average_over_regions(features, logits), expected[None, ..., None])
