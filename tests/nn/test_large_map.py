"""Large maps in inference: in memory that is kept for the next one, and in no other respect another."""

import gc
import threading

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import segzoo
from segzoo.nn import resize
from segzoo.nn.large_map import Blocks, is_plain, large_map, new_map
from segzoo.nn.plain_conv import conv2d

SHAPE = 2, 3, 5, 7


@pytest.fixture
def all_large(monkeypatch):
    monkeypatch.setattr("segzoo.nn.large_map.LARGE", 0)
    monkeypatch.setattr("segzoo.nn.large_map.BLOCKS", Blocks())


def made(shape=SHAPE, dtype=torch.float32, layout=torch.contiguous_format):
    with torch.no_grad():
        return large_map(shape, torch.empty(0, dtype=dtype), layout)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_of_the_type_and_layout_asked_for(all_large, dtype, layout):
    found = made(dtype=dtype, layout=layout)
    assert (found.shape, found.dtype) == (SHAPE, dtype)
    assert found.is_contiguous(memory_format=layout)
    assert not found._is_view()


def test_its_memory_is_used_again_when_it_is_no_more(all_large):
    first = made()
    memory = first.data_ptr()
    assert made().data_ptr() != memory
    del first
    assert made().data_ptr() == memory


HOLDERS = {
    "a view": lambda each: each[0],
    "an array": lambda each: each.numpy(),
    "a graph": lambda each: each.requires_grad_().square(),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_its_memory_is_not_used_again_while_anything_is_made_of_it(all_large, holder):
    first = made()
    memory, held = first.data_ptr(), HOLDERS[holder](first)
    del first
    gc.collect()
    assert made().data_ptr() != memory
    del held
    gc.collect()
    assert made().data_ptr() == memory


def test_its_memory_is_not_used_again_once_it_was_sent_to_another_process(all_large):
    first = made().share_memory_()
    memory = first.data_ptr()
    del first
    assert made().data_ptr() != memory


def test_no_two_threads_get_the_same(all_large):
    taken = []

    def take():
        taken.extend([made() for _ in range(50)])

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.data_ptr() for each in taken}) == 400


def test_what_is_longest_unused_is_let_go_beyond_the_limit(monkeypatch):
    monkeypatch.setattr("segzoo.nn.large_map.KEPT", 100)
    blocks = Blocks()
    for count in (10, 12):  # 40 and 48 bytes
        blocks.take(count, torch.float32)
    blocks.take(10, torch.float32)
    blocks.take(13, torch.float32)
    assert [block.nbytes() for block in blocks.kept] == [40, 52]


def test_what_is_in_use_is_not_let_go_and_what_exceeds_the_limit_is_not_kept(monkeypatch):
    monkeypatch.setattr("segzoo.nn.large_map.KEPT", 100)
    blocks = Blocks()
    used = [blocks.take(20, torch.float32), blocks.take(10, torch.float32), blocks.take(30, torch.float32)]
    assert [block.nbytes() for block in blocks.kept] == [80]
    assert [each.numel() for each in used] == [20, 10, 30]


def test_a_small_map_is_the_operator_s_to_make():
    assert made() is None
    assert new_map(SHAPE, torch.empty(0, dtype=torch.float64)).dtype == torch.float64


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
def test_a_convolution_into_it_holds_nothing_of_what_was_there(all_large):
    feature, weight = torch.randn(2, 4, 9, 8), torch.randn(6, 4, 3, 3)
    conv2d(feature, weight).fill_(torch.nan)
    assert torch.allclose(conv2d(feature, weight), F.conv2d(feature, weight), atol=1e-5)


@torch.no_grad()
def test_a_convolution_without_onednn_is_the_same(all_large):
    feature, weight = torch.randn(2, 4, 9, 8), torch.randn(6, 4, 3, 3)
    with torch.backends.mkldnn.flags(enabled=False):
        assert torch.allclose(conv2d(feature, weight), F.conv2d(feature, weight), atol=1e-5)


@pytest.mark.parametrize("decoder", segzoo.list_decoders())
def test_a_model_gives_what_it_gives_with_gradients_time_after_time(all_large, monkeypatch, decoder):
    monkeypatch.setattr("segzoo.nn.plain_conv.is_faster", lambda *_: True)
    torch.manual_seed(0)
    model, images = segzoo.create_model("resnet18", decoder, classes=3).eval(), torch.rand(2, 1, 3, 97, 131)
    expected = [model(image).detach() for image in images]
    with torch.no_grad():
        found = [model(image) for image in (*images, *images)]
    for each, other in zip(found, expected * 2, strict=True):
        assert (each - other).abs().max() < 1e-4 * other.abs().max()
