import pytest
import torch
from torch.nn import functional as F

from segzoo.segmentation import Frame


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(
    ("grid", "padded"),
    [((25, 33), (97, 131)), ((16, 16), (64, 64)), ((9, 10), (63, 70)), ((1, 7), (30, 40)), ((7, 1), (30, 40)),
     ((1, 1), (5, 6)), ((12, 14), (12, 14)), ((40, 50), (20, 25))],
)  # fmt: skip
def test_strips_are_the_rows_of_the_masks_resized_as_a_whole(grid, padded, align_corners):
    masks = torch.randn(3, *grid, generator=torch.Generator().manual_seed(0))
    size = (padded[0] - 2, padded[1] - 3)
    expected = F.interpolate(masks[None], padded, mode="bilinear", align_corners=align_corners)[
        0, :, : size[0], : size[1]
    ]
    found = torch.cat([strip for _, strip in Frame(padded, size, align_corners).strips(masks, 5 * 3 * padded[1])], 1)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


def test_where_strips_are_cut_does_not_change_a_value():
    masks = torch.randn(3, 25, 33)
    frame = Frame((97, 131), (95, 130))
    whole, single = (torch.cat([strip for _, strip in frame.strips(masks, count)], 1) for count in (10**9, 1))
    assert torch.equal(whole, single)


def test_a_strip_holds_no_more_than_it_may():
    strips = [strip for _, strip in Frame((640, 100), (640, 100)).strips(torch.randn(20, 160, 25), 10_000)]
    assert {strip.numel() for strip in strips} == {10_000}


def test_half_precision_is_resized_in_single():
    (_, strip), *_ = Frame((8, 8), (8, 8)).strips(torch.randn(2, 4, 4, dtype=torch.bfloat16))
    assert strip.dtype == torch.float32
