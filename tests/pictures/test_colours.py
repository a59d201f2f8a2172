"""Class maps in colour, and images of any kind as pictures."""

import numpy as np
import pytest

from segzoo import IGNORE
from segzoo.pictures import as_picture, colour, overlay, palette


def look(colours):
    """Of colours, lightness and hue as people see them: CIE 1976 L*a*b*."""
    linear = np.array(colours) / 255
    linear = np.where(linear > 0.04045, ((linear + 0.055) / 1.055) ** 2.4, linear / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = np.cbrt(linear @ to_xyz.T / (0.9505, 1, 1.089))
    return np.stack([116 * xyz[:, 1] - 16, 500 * (xyz[:, 0] - xyz[:, 1]), 200 * (xyz[:, 1] - xyz[:, 2])], 1)


@pytest.mark.parametrize(("count", "apart"), [(11, 20), (40, 10), (255, 2.3)])  # 2.3 is just noticeable
def test_colours_look_different(count, apart):
    seen = look(palette(count))
    distances = np.linalg.norm(seen[:, None] - seen, axis=2)
    assert distances[~np.eye(count, dtype=bool)].min() > apart


def test_colours_but_the_first_are_seen_on_the_dark_ground():
    ground = look([(20, 22, 28)])
    assert np.linalg.norm(look(palette(255)[1:]) - ground, axis=1).min() > 20


def test_more_colours_begin_with_the_same_ones():
    assert palette(255)[:30] == palette(30)


def test_a_class_map_gets_its_colours():
    assert colour(np.array([[0, 1]]), ((1, 2, 3), (4, 5, 6))).tolist() == [[[1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize("value", [IGNORE, -1, 2, 255])
def test_what_is_no_class_is_nearly_white(value):
    assert colour(np.array([[value]]), ((1, 2, 3), (4, 5, 6))).min() > 240


def test_an_overlay_leaves_the_first_class_and_what_has_none_grey():
    picture = np.full((1, 3, 3), (30, 60, 90), np.uint8)
    laid_over = overlay(picture, np.array([[0, IGNORE, 1]]), ((0, 0, 0), (255, 0, 0)), opacity=0.5)
    assert laid_over.tolist() == [[[60, 60, 60], [60, 60, 60], [157, 30, 30]]]


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 13])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, bool])
def test_any_image_is_a_picture(channels, dtype):
    image = np.random.default_rng(0).integers(0, 100, (5, 7, channels)).astype(dtype)
    picture = as_picture(image)
    assert picture.shape == (5, 7, 3)
    assert picture.dtype == np.uint8


def test_eight_bits_stay_as_they_are():
    image = np.random.default_rng(0).integers(0, 255, (5, 7, 4), np.uint8)
    assert np.array_equal(as_picture(image), image[..., :3])


def test_more_bits_are_stretched_over_the_whole_range():
    picture = as_picture(np.arange(1000, 3000, dtype=np.uint16).reshape(40, 50, 1))
    assert picture.min() == 0
    assert picture.max() == 255
    assert picture[20, 0].tolist() == pytest.approx([127] * 3, abs=2)


def test_holes_are_black_and_stretch_nothing():
    image = np.linspace(5, 6, 100, dtype=np.float32).reshape(10, 10, 1)
    holed = image.copy()
    holed[0] = np.nan
    holed[1] = np.inf
    picture = as_picture(holed)
    assert picture[:2].max() == 0
    assert picture[2:].max() == 255
    assert picture[2].max() < 40


def test_an_image_of_holes_alone_is_black():
    assert as_picture(np.full((2, 2, 3), np.nan)).max() == 0


def test_an_overlay_shows_the_classes_that_are_asked_for():
    picture, classes = np.full((1, 3, 3), 100, np.uint8), np.array([[0, 1, 2]])
    colours = ((0, 0, 0), (255, 0, 0), (0, 255, 0))
    drawn = overlay(picture, classes, colours, opacity=1.0, shown=(0, 2))
    assert drawn.tolist() == [[[0, 0, 0], [100, 100, 100], [0, 255, 0]]]
