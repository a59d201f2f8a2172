import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from segzoo.nn import resize
from segzoo.nn.large_map import LARGE, is_plain, large_map, new_map
from segzoo.nn.plain_conv import conv2d

SHAPE = 2, 3, 5, 7


@pytest.fixture
def all_large(monkeypatch):
    monkeypatch.setattr("segzoo.nn.large_map.LARGE", 0)


def mapped(shape=SHAPE, dtype=torch.float32, layout=torch.contiguous_format):
    with torch.no_grad():
        return large_map(shape, torch.empty(0, dtype=dtype), layout)


needs_huge_pages = pytest.mark.skipif(
    mapped((1, 1, 1, LARGE)) is None, reason="only Linux has huge pages that can be asked for"
)


@needs_huge_pages
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_large_map_is_zeros_of_the_type_and_layout_asked_for(all_large, dtype, layout):
    made = mapped(dtype=dtype, layout=layout)
    assert torch.equal(made, torch.zeros(SHAPE, dtype=dtype))
    assert made.is_contiguous(memory_format=layout)


@needs_huge_pages
def test_its_memory_is_its_own_and_lives_as_long(all_large):
    first, second = mapped(), mapped()
    view = first.fill_(1)[0]
    del first
    second.fill_(2)
    assert view.min() == view.max() == 1


def test_a_small_map_is_the_operator_s_to_make():
    assert mapped() is None
    assert new_map(SHAPE, torch.empty(0, dtype=torch.float64)).dtype == torch.float64


def test_without_huge_pages_so_is_every_map(monkeypatch, all_large):
    monkeypatch.delattr("mmap.MADV_HUGEPAGE", raising=False)
    assert mapped() is None


def test_without_memory_torch_has_its_say(monkeypatch, all_large):
    def full(*_, **__):
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr("mmap.mmap", full)
    with torch.no_grad():
        assert resize(torch.rand(SHAPE), (9, 9)).shape == (2, 3, 9, 9)


def test_with_gradients_it_is_not_plain():
    assert not is_plain(torch.empty(1))


@pytest.mark.parametrize(
    "watched",
    [
        lambda: torch.autocast("cpu"),
        lambda: FlopCounterMode(display=False),
        lambda: torch.autograd.forward_ad.dual_level(),
    ],
)
def test_watched_it_is_not_plain(watched):
    with torch.no_grad():
        assert is_plain(torch.empty(1))
        with watched():
            assert not is_plain(torch.empty(1))


@torch.no_grad()
def test_elsewhere_it_is_not_plain():
    assert not is_plain(torch.empty(1, device="meta"))


@torch.no_grad()
def test_a_trace_has_the_operator_s_own():
    seen = []
    torch.jit.trace(lambda each: (seen.append(is_plain(each)), each + 1)[1], torch.empty(1), check_trace=False)
    assert seen == [False]


@torch.no_grad()
def test_transforms_pass(all_large):
    feature, weight = torch.rand(SHAPE), torch.rand(4, 3, 3, 3)
    batched = torch.vmap(lambda each: conv2d(resize(each[None], (9, 11)), weight)[0])(feature)
    assert torch.allclose(batched, conv2d(resize(feature, (9, 11)), weight), atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("mode", "align_corners"), [("nearest", None), ("bilinear", False), ("bilinear", True)])
def test_a_resize_into_it_is_the_same(all_large, mode, align_corners, layout):
    feature = torch.rand(SHAPE).contiguous(memory_format=layout)
    expected = F.interpolate(feature, (11, 13), mode=mode, align_corners=align_corners)
    found = resize(feature, (11, 13), mode, bool(align_corners))
    assert torch.equal(found, expected)
    assert found.stride() == expected.stride()


GEOMETRIES = {
    "plain": {},
    "strided": {"stride": (2, 1)},
    "padded": {"padding": (2, 0)},
    "dilated": {"dilation": (1, 2), "padding": (1, 2)},
    "same": {"padding": "same"},
    "depthwise": {"groups": 4},
}


@torch.no_grad()
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_convolution_into_it_is_the_same(all_large, geometry, biased, layout):
    torch.manual_seed(0)
    options = GEOMETRIES[geometry]
    feature = torch.randn(2, 4, 9, 8).contiguous(memory_format=layout)
    weight = torch.randn(8, 4 // options.get("groups", 1), 3, 3)
    bias = torch.randn(8) if biased else None
    assert torch.allclose(
        conv2d(feature, weight, bias, **options), F.conv2d(feature, weight, bias, **options), atol=1e-5
    )


@torch.no_grad()
def test_a_convolution_without_onednn_is_the_same(all_large):
    feature, weight = torch.randn(2, 4, 9, 8), torch.randn(6, 4, 3, 3)
    with torch.backends.mkldnn.flags(enabled=False):
        assert torch.allclose(conv2d(feature, weight), F.conv2d(feature, weight), atol=1e-5)
