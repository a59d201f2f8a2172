import pytest

from segzoo.errors import OptionError
from segzoo.prediction.tiling import Tiling, spans

LENGTHS = pytest.mark.parametrize("length", [1, 5, 32, 33, 65, 100, 257, 1000])
TILINGS = pytest.mark.parametrize(
    ("tile", "margin", "grid", "blend"),
    [(32, 0, 1, 0), (32, 4, 1, 0), (33, 16, 1, 0), (32, 4, 8, 0), (64, 16, 32, 0),
     (32, 4, 1, 6), (64, 8, 4, 16), (33, 16, 1, 8), (128, 16, 32, 32), (48, 0, 1, 48)],
)  # fmt: skip


@LENGTHS
@TILINGS
def test_spans_count_each_pixel_once_and_stay_within_a_tile(length, tile, margin, grid, blend):
    counted = []
    for span in spans(length, tile, margin, grid, blend):
        assert 0 <= span.start <= span.first <= span.full <= span.last <= span.gone <= span.end <= length
        assert span.first < span.last
        assert span.end - span.start <= tile
        assert span.start % grid == 0
        counted += range(span.first, span.last)
    assert counted == list(range(length))


@LENGTHS
@TILINGS
def test_what_counts_has_its_margin_on_inner_sides(length, tile, margin, grid, blend):
    for span in spans(length, tile, margin, grid, blend):
        assert span.first == 0 or span.first - span.start >= margin
        assert span.gone == length or span.end - span.gone >= margin


@LENGTHS
@TILINGS
def test_one_fades_out_where_the_next_fades_in(length, tile, margin, grid, blend):
    found = spans(length, tile, margin, grid, blend)
    assert [(each.last, each.gone) for each in found[:-1]] == [(each.first, each.full) for each in found[1:]]


def test_what_the_grid_leaves_over_is_blended():
    first, second, *_ = spans(1000, tile=100, margin=10, grid=32)
    assert second.start == 64
    assert first.gone - first.last == 100 - 64 - 20


def test_an_image_that_fits_is_one_tile():
    assert Tiling(tile=64).spans(64) == [(0, 64, 0, 0, 64, 64)]


@pytest.mark.parametrize("options", [{"tile": 0}, {"tile": 64, "margin": 32}, {"margin": -1}, {"blend": -1}])
def test_a_tile_without_room_is_refused(options):
    with pytest.raises(OptionError, match="room inside its margins"):
        Tiling(**options)
