import math

import numpy as np
import pytest
import torch
from torch import nn

from segzoo.errors import OptionError
from segzoo.prediction import ArraySource, ModelEngine, TensorSink, TensorSource, Tiling, stream
from segzoo.prediction.shelf import Shelf
from segzoo.preprocessing import Preprocessing

TILING = Tiling(tile=48, margin=8, blend=8)


class Net(nn.Sequential):
    """Three classes, from a neighbourhood of so many pixels a side."""

    def __init__(self, reach=7):
        super().__init__(nn.Conv2d(3, 8, reach + 1 - reach % 2, padding=reach // 2), nn.ReLU(), nn.Conv2d(8, 3, 1))


class OfEachTile(nn.Module):
    """Each tile's own number, as logits: where tiles meet, the worst that there can be."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen = []

    def forward(self, tiles):
        number = len(self.seen)
        self.seen.append(tuple(tiles.shape))
        return torch.full((tiles.shape[0], 2, *tiles.shape[-2:]), float(number))


def predicted(model, image, tiling=TILING, engines=None, **options):
    source = image if hasattr(image, "read") else TensorSource(image)
    sink = TensorSink(source.size)
    stream(engines or [ModelEngine(model)], source, sink, tiling, **options)
    return sink.maps[""]


@pytest.mark.parametrize("size", [(48, 48), (49, 120), (150, 48), (131, 177), (20, 200)])
def test_tiles_give_the_logits_of_the_whole_image_where_the_margin_is_context_enough(size):
    model, image = Net(), torch.randn(1, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(predicted(model, image, output="logits"), model(image))


def test_without_context_enough_they_differ_at_the_seams_alone():
    model, image, tiling = Net(reach=31), torch.randn(1, 3, 40, 200), Tiling(tile=96, margin=8, blend=8)
    with torch.no_grad():
        apart = (predicted(model, image, tiling, output="logits") - model(image)).abs().amax((0, 1, 2))
    assert apart.max() > 1e-3
    for span in tiling.spans(200):
        start, end = span.start + 15 * (span.start > 0), span.end - 15 * (span.end < 200)
        assert apart[max(span.full, start) : min(span.last, end)].max() < 1e-5


def test_one_tile_fades_into_the_next():
    across = predicted(OfEachTile(), torch.zeros(1, 3, 40, 72), output="logits")[0, 0, 0]
    first, second = TILING.spans(72)
    seam = across[first.last : first.gone]
    assert across[: first.last].unique().tolist() == [0]
    torch.testing.assert_close(seam, (torch.arange(len(seam)) + 0.5) / len(seam))
    assert across[second.full] == 1


def test_tiles_fade_downwards_as_they_do_to_the_right():
    image = torch.zeros(1, 3, 80, 40)
    down = predicted(OfEachTile(), image, output="logits")
    right = predicted(OfEachTile(), image.mT, output="logits")
    torch.testing.assert_close(down, right.mT)


def test_batches_of_tiles_give_what_single_ones_give():
    model, image = Net(), torch.randn(2, 3, 100, 140)
    expected = predicted(model, image, output="logits")
    torch.testing.assert_close(predicted(model, image, output="logits", batch=3), expected)


def test_a_batch_holds_tiles_of_one_shape_and_no_more_than_asked_for():
    model = OfEachTile()
    predicted(model, torch.zeros(1, 3, 48, 203), Tiling(tile=48, margin=8, blend=0, grid=8), batch=3)
    assert max(shape[0] for shape in model.seen) == 3
    assert {shape[-1] for shape in model.seen} == {48, 43}


def test_several_engines_share_the_tiles():
    image, counts = torch.randn(1, 3, 100, 140), [0, 0]
    model = Net()

    def engine(number):
        def compute(tiles):
            counts[number] += 1
            return model(tiles)

        return compute

    seen = predicted(None, image, engines=[engine(0), engine(1)], output="logits")
    torch.testing.assert_close(seen, predicted(model, image, output="logits"))
    assert min(counts) > 0
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("rows", [range(0, 1), range(1, 3), range(2, 5)])
def test_some_rows_of_tiles_give_what_they_give_among_all(rows):
    model, image = Net(reach=31), torch.randn(1, 3, 140, 60)
    spans = TILING.spans(140)
    assert len(spans) == 5
    inside = slice(spans[rows.start].first, spans[rows.stop - 1].last)
    seen = predicted(model, image, rows=rows, output="logits")
    torch.testing.assert_close(seen[..., inside, :], predicted(model, image, output="logits")[..., inside, :])


def test_probabilities_sum_to_one_and_their_largest_is_the_class():
    model, image = Net(), torch.randn(1, 3, 100, 60)
    probabilities = predicted(model, image, output="probabilities")
    torch.testing.assert_close(probabilities.sum(1), torch.ones(1, 100, 60))
    assert torch.equal(probabilities.argmax(1), predicted(model, image))


def test_tiles_without_data_are_not_computed():
    picture = np.random.default_rng(0).random((96, 200, 3), np.float32)
    picture[:, 60:] = math.nan
    model = OfEachTile()
    predicted(model, ArraySource(picture, Preprocessing()))
    spans = TILING.spans(200)
    seen = sum(span.start < 60 for span in spans) * len(TILING.spans(96))
    assert len(model.seen) == seen < len(spans) * len(TILING.spans(96))


def test_an_image_without_any_data_is_still_predicted():
    picture = np.full((60, 60, 3), np.nan, np.float32)
    assert predicted(Net(), ArraySource(picture, Preprocessing())).shape == (1, 60, 60)


def test_half_precision_gives_float_logits_close_to_those_of_single():
    model, image = Net(), torch.randn(1, 3, 60, 60)
    seen = predicted(None, image, engines=[ModelEngine(model, half=True)], output="logits")
    assert seen.dtype == torch.float32
    assert 0 < (seen - predicted(model, image, output="logits")).abs().max() < 0.05


@pytest.mark.parametrize("options", [{"output": "labels"}, {"batch": 0}])
def test_what_cannot_be_asked_for_is_refused(options):
    with pytest.raises(OptionError, match="expected"):
        predicted(Net(), torch.zeros(1, 3, 8, 8), **options)


def test_a_shelf_gives_back_what_lies_on_it_in_memory_and_in_a_file():
    for limit in (1 << 20, 64):
        shelf = Shelf(limit)
        tensors = {key: torch.randn(2, 3, key, dtype=torch.float64) for key in (1, 5, 3)}
        for _ in range(2):
            for key, tensor in tensors.items():
                shelf.put(key, tensor)
                tensors[key] = tensor.flip(0)
                shelf.put(key, tensors[key])
        for key, tensor in tensors.items():
            assert torch.equal(shelf.take(key), tensor)


def test_a_shelf_takes_its_place_again():
    shelf = Shelf(0)
    for _ in range(5):
        shelf.put("seam", torch.ones(10))
    assert shelf._end == 40
